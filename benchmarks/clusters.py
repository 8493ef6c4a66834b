"""How well copies of stories are found, at what cost, and whether the order of arrival matters.

    python -m benchmarks.clusters                      all of it: a minute or two
    python -m benchmarks.clusters --articles 5000 --shared DIR

The corpus is made up, from a seed: articles of 80 to 600 words in four languages, with the function words of each in
about their frequency, made-up words by Zipf's law, a fourth of them those of a topic, names and numbers. A tenth as
many stories as there are articles are carried by 2 to 9 outlets over up to four nights. In each copy a share of the
words, drawn between none and 30%, is replaced, dropped or joined by another, up to a fifth of the sentences are
dropped, and one copy in ten is cut to about half. The other articles are single ones; among them are the traps:
reports made from a form every night, which several outlets carry word for word that night, and follow-ups that
repeat a paragraph. Every form has texts that belong together on a night and none that do across nights.

Precision and recall are of pairs: of two articles that end in one story, and of two that belong in one. Time and memory
are taken in a process of their own for each size, with all articles in the window. With ``--shared`` the texts of
DIR/pages/gold.jsonl and DIR/clutter/dev.jsonl are looked through too: there are no copies among them, so each pair
that is found is shown.
"""

from __future__ import annotations

import argparse
import bisect
import hashlib
import itertools
import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transforms.core.near_duplicates import STATE, Matcher, Window

NIGHTS, WINDOW_DAYS, OUTLETS = 10, 4, 40
SIZES = (5_000, 10_000, 20_000)

FUNCTION_WORDS = {
    "nl": "de het een van en in op te dat is voor met die zijn aan niet om ook als bij er maar door naar hij uit nog "
    "over dan wordt tot werd al worden heeft hebben was ze meer kan deze geen wel moet tegen zou onder kunnen omdat",
    "fr": "de la le les et des en un du une que est pour qui dans par sur pas au plus il ne se ce a sont avec son mais "
    "aux ont comme ou cette elle ses leur été fait être bien sans peut tout nous après ainsi entre avait depuis",
    "de": "die der und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er "
    "hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor",
    "en": "the of and to a in for is on that by this with it not are or be from at as an was have has will more "
    "their its new about which if been his they but also up one were we had who would there after when can than",
}
ONSETS = "b br d dr f g gr h k kl l m n p pr r s sch sl st t tr v w z".split()
VOWELS = {
    "nl": "a aa e ee i ie o oe u ij".split(),
    "fr": "a é e i o ou u eau oi è".split(),
    "de": "a ä e ei i ie o ö u au".split(),
    "en": "a e ea i o oo u ou ay y".split(),
}
CODAS = ["", "", "n", "r", "l", "s", "t", "rt", "nd", "ng"]
DAYS = {
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag".split(),
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche".split(),
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split(),
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
}
COMPANIES = (
    "Meerwind,Stahlhof,Oosterlijn,Delta Data,Noordzee Energie,Kade Bank,Polderstaal,Lumenta,Grondwerk,Rijnpost"
)
CLUBS = "Rocqueville,Saint-Alban,Montcel,Valoise,Pont-Neuf,Brévins,Harmont,Lestrade,Corvigny,Auvillers,Talmont,Ferrac"
TOWNS = "Oosterdam Molenhoek Veerbeek Zuidkade Lindesloot Hoogvoort".split()
SIGNS = "Aries Taurus Gemini Cancer Leo Virgo Libra Scorpio Sagittarius Capricorn Aquarius Pisces".split()
COUNSEL = (
    "a quiet day suits you well,someone close asks for advice,do not spend more than you have,an old friend calls,"
    "work goes smoothly after noon,patience brings more than haste,a letter brings good news,rest early tonight,"
    "your plan needs one more look,say what you think,leave the past alone,a stranger makes you laugh"
).split(",")


def weather(rng: random.Random, night: int) -> str:
    """The weather of a day, in Dutch."""
    wind = ["westen", "noordwesten", "zuiden", "oosten"]
    sky = ["half bewolkt", "zwaar bewolkt", "zonnig", "wisselend bewolkt"]
    chance = ["een bui", "wat motregen", "natte sneeuw", "een enkele opklaring"]
    return (
        f"{DAYS['nl'][night % 7].capitalize()} begint {rng.choice(['droog', 'nevelig', 'helder'])}. In de loop van de "
        f"ochtend trekt vanuit het {rng.choice(wind)} bewolking het land in. 's Middags is het {rng.choice(sky)} met "
        f"kans op {rng.choice(chance)}. De temperatuur loopt op tot {rng.randint(4, 13)} graden langs de kust en "
        f"{rng.randint(5, 15)} graden in het binnenland. De wind is matig, windkracht {rng.randint(2, 6)}, en draait "
        f"naar het {rng.choice(wind)}. Vannacht koelt het af naar {rng.randint(0, 8)} graden en plaatselijk ontstaat "
        f"mist. {DAYS['nl'][(night + 1) % 7].capitalize()} is het {rng.choice(sky)} bij {rng.randint(4, 14)} graden, "
        f"met een neerslagkans van {rng.randint(1, 9) * 10} procent."
    )


def lottery(rng: random.Random, night: int) -> str:
    """The numbers of a draw, in German."""
    drawn = ", ".join(map(str, sorted(rng.sample(range(1, 50), 6))))
    return (
        f"Bei der Ziehung der Lotterie am {DAYS['de'][night % 7]}, dem {night + 3}. November, wurden folgende Zahlen "
        f"gezogen: {drawn}. Die Superzahl lautet {rng.randint(0, 9)}. In der Zusatzlotterie wurde die Gewinnzahl "
        f"{rng.randint(100_000, 999_999)} ermittelt. Im Jackpot liegen nun rund {rng.randint(2, 43)} Millionen Euro. "
        f"Die nächste Ziehung findet am {DAYS['de'][(night + 3) % 7]} statt, Annahmeschluss ist um 18.00 Uhr. Alle "
        "Angaben sind ohne Gewähr. Die Teilnahme ist erst ab achtzehn Jahren erlaubt, Glücksspiel kann süchtig machen."
    )


def prices(rng: random.Random, night: int) -> str:
    """The close of an exchange, in Dutch."""
    up, names = rng.choice(["hoger", "lager"]), rng.sample(COMPANIES.split(","), 6)
    percent = [f"{rng.randint(0, 4)},{rng.randint(0, 9)} procent" for _ in range(7)]
    return (
        f"De effectenbeurs aan de kade is {DAYS['nl'][night % 7]} {up} gesloten. De hoofdindex eindigde {percent[0]} "
        f"{up} op {rng.randint(880, 960)},{rng.randint(10, 99)} punten. Grootste stijger bij de hoofdfondsen was "
        f"{names[0]} met een winst van {percent[1]}, gevolgd door {names[1]}, dat {percent[2]} won. Onderaan stond "
        f"{names[2]} met een verlies van {percent[3]}. Bij de middelgrote fondsen viel {names[3]} op met een koerswinst "
        f"van {percent[4]}, terwijl {names[4]} {percent[5]} inleverde. {names[5]} noteerde nagenoeg onveranderd. De "
        f"euro was 1,{rng.randint(1000, 1500)} dollar waard en een vat olie kostte {rng.randint(60, 75)},"
        f"{rng.randint(10, 99)} dollar."
    )


def matches(rng: random.Random, night: int) -> str:
    """What is played, in French."""
    clubs = rng.sample(CLUBS.split(","), 12)
    hours = ["15h00", "17h00", "19h00", "20h45", "21h00"]
    games = ", ".join(f"{clubs[i]} contre {clubs[i + 1]} à {rng.choice(hours)}" for i in range(0, 12, 2))
    return (
        f"Voici les rencontres du championnat prévues {DAYS['fr'][night % 7]} soir pour la {night + 8}e journée : "
        f"{games}. Toutes les rencontres sont à suivre en direct sur notre site. Au classement, {clubs[0]} occupe la "
        f"première place avec {rng.randint(20, 34)} points, devant {clubs[3]} et {clubs[6]}. La lanterne rouge reste "
        f"{clubs[9]}, avec {rng.randint(3, 9)} points seulement. Les résultats complets seront publiés dans la soirée."
    )


def roads(rng: random.Random, night: int) -> str:
    """Road works and speed checks, in Dutch."""
    return (
        f"De politie controleert {DAYS['nl'][night % 7]} op snelheid langs de N{rng.randint(200, 400)}, de "
        f"A{rng.randint(2, 59)} en de Provincialeweg in {rng.choice(TOWNS)}. Door werkzaamheden is de afrit bij "
        f"{rng.choice(TOWNS)} tot {rng.randint(10, 20)}.00 uur dicht; het verkeer wordt omgeleid via de "
        f"{rng.choice(['Ringweg', 'Dijkweg', 'Havenweg'])}. Houd rekening met een vertraging van {rng.randint(5, 45)} "
        "minuten. De controles worden uitgevoerd door het verkeersteam en zijn bedoeld om het aantal ongelukken terug "
        "te dringen. Een overzicht van alle werkzaamheden staat op de site van de provincie."
    )


def stars(rng: random.Random, night: int) -> str:
    """A horoscope, in English: no numbers, no names that change."""
    says = " ".join(f"{sign}: {rng.choice(COUNSEL)}, and {rng.choice(COUNSEL)}." for sign in SIGNS)
    return f"Your stars for {DAYS['en'][night % 7]}. {says} Read about love, work and money in the weekend magazine."


FORMS: tuple[Callable[[random.Random, int], str], ...] = (weather, lottery, prices, matches, roads, stars)
"""Each makes the report of a night."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An article of the corpus, and the story that it belongs to."""

    article_id: str
    source_id: str
    night: int
    text: str
    story: str


class Language:
    """Made-up words of one language by Zipf's law, among its function words."""

    def __init__(self, code: str, rng: random.Random) -> None:
        self._rng = rng
        self.code = code
        self._functions = FUNCTION_WORDS[code].split()
        self._function_weights = _zipf(len(self._functions))
        words = {self._word(rng.randint(1, 4)) for _ in range(30_000)}
        self._words = sorted(words, key=lambda word: hashlib.blake2b(word.encode()).digest())
        self._weights = _zipf(len(self._words))
        self._names = [self._word(rng.randint(2, 3)).capitalize() for _ in range(4_000)]

    def _word(self, syllables: int) -> str:
        pick = self._rng.choice
        return "".join(pick(ONSETS) + pick(VOWELS[self.code]) for _ in range(syllables)) + pick(CODAS)

    def topic(self) -> list[str]:
        """Words that the articles of one topic share."""
        return self._rng.sample(self._words[:8_000], 120)

    def article(self, words: int, topic: Sequence[str]) -> list[list[str]]:
        """Sentences of words; a name, of a few that return, in eight words, and a number in forty."""
        rng = self._rng
        names = rng.sample(self._names, 3 + words // 80)
        out: list[list[str]] = []
        while sum(map(len, out)) < words:
            sentence = [self._any(names, topic) for _ in range(rng.randint(7, 24))]
            out.append([sentence[0].capitalize(), *sentence[1:]])
        return out

    def _any(self, names: Sequence[str], topic: Sequence[str]) -> str:
        rng, kind = self._rng, self._rng.random()
        if kind < 0.44:
            return self._functions[_drawn(self._function_weights, rng)]
        if kind < 0.54:
            return rng.choice(names)
        if kind < 0.565:
            return str(rng.choice([rng.randint(1, 31), rng.randint(32, 9_999), rng.randint(2_020, 2_026)]))
        if kind < 0.67:
            return rng.choice(topic)
        return self.word()

    def word(self) -> str:
        """Any word, the frequent ones more often."""
        return self._words[_drawn(self._weights, self._rng)]


def _zipf(count: int) -> list[float]:
    return list(itertools.accumulate(1 / (rank + 2) for rank in range(count)))


def _drawn(weights: Sequence[float], rng: random.Random) -> int:
    return bisect.bisect(weights, rng.random() * weights[-1])


def written(sentences: Iterable[Sequence[str]]) -> str:
    """Sentences as a text, four to a paragraph."""
    whole = [" ".join(words) + "." for words in sentences if words]
    return "\n".join(" ".join(whole[start : start + 4]) for start in range(0, len(whole), 4))


def edited(sentences: Sequence[Sequence[str]], language: Language, rng: random.Random) -> list[list[str]]:
    """The copy of one outlet (see the module)."""
    share, dropped = rng.uniform(0, 0.3), rng.uniform(0, 0.2)
    if rng.random() < 0.1:
        sentences = sentences[: max(4, len(sentences) // 2)]
    out: list[list[str]] = []
    for sentence in sentences:
        if rng.random() < dropped:
            continue
        copy: list[str] = []
        for word in sentence:
            if rng.random() >= share:
                copy.append(word)
            elif (how := rng.randrange(3)) == 1:
                copy.append(language.word())
            elif how == 2:
                copy += [word, language.word()]
        out.append(copy)
    return out


def corpus(count: int, seed: int) -> list[Arrival]:
    """``count`` articles in the order of their arrival."""
    rng = random.Random(seed)
    languages = [Language(code, rng) for code in FUNCTION_WORDS]
    topics = [[language.topic() for _ in range(30)] for language in languages]
    outlets = [f"outlet-{number:02}" for number in range(OUTLETS)]
    found: list[Arrival] = []

    def add(source: str, night: int, text: str, story: str) -> None:
        found.append(Arrival(hashlib.sha256(f"{len(found)}".encode()).hexdigest()[:32], source, night, text, story))

    for form, night in itertools.product(FORMS, range(NIGHTS)):
        text = form(rng, night)
        for source in outlets[:3]:
            add(source, night, text, f"{form.__name__}-{night}")
    for number in range(count // 10):
        which = rng.randrange(len(languages))
        sentences = languages[which].article(rng.randint(80, 600), rng.choice(topics[which]))
        first = rng.randrange(NIGHTS)
        for source in rng.sample(outlets, rng.randint(2, 9)):
            night = min(NIGHTS - 1, first + rng.choice([0, 0, 0, 1, 1, 2, 3]))
            add(source, night, written(edited(sentences, languages[which], rng)), f"story-{number}")
        if number % 20 == 0:
            more = languages[which].article(sum(map(len, sentences)), rng.choice(topics[which]))
            background = sentences[-max(1, len(sentences) // 10) :]
            add(rng.choice(outlets), min(NIGHTS - 1, first + 1), written([*more, *background]), f"after-{number}")
    while len(found) < count:
        which = rng.randrange(len(languages))
        text = written(languages[which].article(rng.randint(80, 600), rng.choice(topics[which])))
        add(rng.choice(outlets), rng.randrange(NIGHTS), text, f"single-{len(found)}")
    return sorted(rng.sample(found, len(found)), key=lambda arrival: arrival.night)


def shuffled(arrivals: Sequence[Arrival], seed: int) -> list[Arrival]:
    """The same in another order: within each night, and of each story over the nights on which it is carried."""
    rng = random.Random(seed)
    nights: dict[str, list[int]] = {}
    for arrival in arrivals:
        nights.setdefault(arrival.story, []).append(arrival.night)
    for of_story in nights.values():
        rng.shuffle(of_story)
    moved = [replace(arrival, night=nights[arrival.story].pop()) for arrival in arrivals]
    return sorted(rng.sample(moved, len(moved)), key=lambda arrival: arrival.night)


def clustered(arrivals: Sequence[Arrival], window_days: int = WINDOW_DAYS) -> dict[str, str]:
    """The story of each article, a run a night, with the window through its JSON from each to the next."""
    stories: dict[str, str] = {}
    state = "{}"
    for night, of_night in itertools.groupby(arrivals, key=lambda arrival: arrival.night):
        window = Window.from_json(json.loads(state)).since(night - window_days)
        matcher = Matcher(window, night)
        entries = []
        for arrival in of_night:
            placed = matcher.place(
                article_id=arrival.article_id,
                source_id=arrival.source_id,
                content_hash=hashlib.sha256(arrival.text.encode()).hexdigest()[:32],
                text=arrival.text,
            )
            stories[arrival.article_id] = placed.cluster_id or arrival.article_id
            entries.append(placed.entry)
        state = json.dumps(window.learned(entries, since=night - window_days).as_json())
    return stories


def pairs_within(labels: Iterable[object]) -> int:
    """How many pairs have a label in common."""
    return sum(count * (count - 1) // 2 for count in Counter(labels).values())


def quality(arrivals: Sequence[Arrival], found: dict[str, str]) -> tuple[float, float]:
    """Precision and recall of pairs."""
    both = pairs_within((arrival.story, found[arrival.article_id]) for arrival in arrivals)
    return both / pairs_within(found.values()), both / pairs_within(arrival.story for arrival in arrivals)


def false_pairs(arrivals: Sequence[Arrival], found: dict[str, str]) -> Counter[str]:
    """Of what kinds of articles the wrong pairs are."""
    together: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        together.setdefault(found[arrival.article_id], []).append(arrival)
    wrong: Counter[str] = Counter()
    for members in together.values():
        for one, other in itertools.combinations(members, 2):
            if one.story != other.story:
                wrong[" + ".join(sorted(each.story.partition("-")[0] for each in (one, other)))] += 1
    return wrong


def cost(count: int, seed: int) -> None:
    """Print what placing ``count`` articles takes, all of them in one window."""
    arrivals = [replace(arrival, night=0) for arrival in corpus(count, seed)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    matcher, entries, began = Matcher(Window(), 0), [], time.perf_counter()
    late = began
    for number, arrival in enumerate(arrivals):
        if number == count - count // 10:
            late = time.perf_counter()
        entries.append(
            matcher.place(
                article_id=arrival.article_id, source_id=arrival.source_id, content_hash="", text=arrival.text
            ).entry
        )
    seconds, last = time.perf_counter() - began, time.perf_counter() - late
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    began = time.perf_counter()
    state = json.dumps(Window().learned(entries, since=0).as_json())
    wrote = time.perf_counter() - began
    began = time.perf_counter()
    Matcher(Window.from_json(json.loads(state)), 1)
    print(
        f"{count:7,} articles  {seconds:6.2f} s  {1e6 * seconds / count:5.0f} µs an article, "
        f"{1e6 * last / (count // 10):5.0f} µs of the last tenth  {memory / 1024:5.0f} MB more  "
        f"{len(state) / count:5.0f} bytes of state an article, written in {wrote:.2f} s, "
        f"read in {time.perf_counter() - began:.2f} s"
    )


def real(folder: Path) -> Iterator[str]:
    """What is found among real texts that are no copies of each other, a line a pair."""
    rows = [json.loads(line) for name in ("pages/gold", "clutter/dev") for line in (folder / f"{name}.jsonl").open()]
    arrivals = [
        Arrival(row.get("key") or row["id"], f"outlet-{n}", 0, row["text"], str(n)) for n, row in enumerate(rows)
    ]
    found = clustered(arrivals)
    yield f"{len(rows)} real texts: {pairs_within(found.values())} pairs"
    for article_id, story in found.items():
        if article_id != story:
            yield f"  {article_id} with {story}"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=SIZES[-1], help="of the corpus whose pairs are counted")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--shared", type=Path, metavar="DIR", help="also look through the real texts in this folder")
    parser.add_argument("--cost", type=int, metavar="N", help="only the time and memory that N articles take")
    args = parser.parse_args()
    if args.cost:
        cost(args.cost, args.seed)
        return
    arrivals = corpus(args.articles, args.seed)
    found = clustered(arrivals)
    orders = {"as it came": (arrivals, found)}
    other = shuffled(arrivals, args.seed)
    orders["shuffled"] = (other, clustered(other))
    for name, (order, stories) in orders.items():
        precision, recall = quality(order, stories)
        print(
            f"{name:11}  precision {precision:.4f}  recall {recall:.4f}  wrong: {dict(false_pairs(order, stories))}"
        )
    again = orders["shuffled"][1]
    same = pairs_within((found[one], again[one]) for one in found)
    print(f"pairs found in both orders: {same / max(pairs_within(found.values()), pairs_within(again.values())):.4f}")
    sys.stdout.flush()
    for size in SIZES:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.clusters", "--cost", str(size), "--seed", str(args.seed)], check=True
        )
    if args.shared:
        for line in real(args.shared):
            print(line)


if __name__ == "__main__":
    main()
