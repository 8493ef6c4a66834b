"""A made-up corpus of what outlets carry, the same for the same seed: stories in copies, single articles, and traps.

Articles have 80 to 600 words in four languages, with the function words of each in about their frequency, made-up
words by Zipf's law, a tenth of words that the articles of a topic share, names and numbers. A tenth as many stories
as there are articles are carried by 2 to 9 outlets over up to four nights. In each copy a share of the words, drawn
between none and 30%, is replaced, dropped or joined by another, up to a fifth of the sentences are dropped, and one
copy in ten is cut to about half. The other articles are single ones. The traps are reports made from a form every
night, which three outlets carry word for word that night, so that each form has texts that belong together on a night
and none that do across nights; and follow-ups that repeat the last tenth of a story.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

NIGHTS, OUTLETS = 10, 40

FUNCTION_WORDS = {
    "nl": "de het een van en in op te dat is voor met die zijn aan niet om ook als bij er maar door naar hij uit nog "
    "over dan wordt tot werd al worden heeft hebben was ze meer kan deze geen wel moet tegen zou onder kunnen omdat",
    "fr": "de la le les et des en un du une que est pour qui dans par sur pas au plus il ne se ce a sont avec son "
    "mais aux ont comme ou cette elle ses leur été fait être bien sans peut tout nous après ainsi entre avait depuis",
    "de": "die der und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
    "er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor",
    "en": "the of and to a in for is on that by this with it not are or be from at as an was have has will more "
    "their its new about which if been his they but also up one were we had who would there after when can than",
}
"""Of each language the most frequent ones, in about their order."""
ONSETS = ("b", "br", "d", "dr", "f", "g", "gr", "h", "k", "kl", "l", "m", "n", "p", "r", "s", "sch", "st", "t", "v")
VOWELS = {
    "nl": ("a", "aa", "e", "ee", "i", "ie", "o", "oe", "u", "ij"),
    "fr": ("a", "é", "e", "i", "o", "ou", "u", "eau", "oi", "è"),
    "de": ("a", "ä", "e", "ei", "i", "ie", "o", "ö", "u", "au"),
    "en": ("a", "e", "ea", "i", "o", "oo", "u", "ou", "ay", "y"),
}
CODAS = ("", "", "n", "r", "l", "s", "t", "rt", "nd", "ng")
DAYS = {
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
COMPANIES = ("Meerwind", "Stahlhof", "Oosterlijn", "Delta Data", "Kade Bank", "Polderstaal", "Lumenta", "Rijnpost")
CLUBS = ("Rocqueville", "Saint-Alban", "Montcel", "Valoise", "Pont-Neuf", "Brévins")
CLUBS_TOO = ("Harmont", "Lestrade", "Corvigny", "Auvillers", "Talmont", "Ferrac")
TOWNS = ("Oosterdam", "Molenhoek", "Veerbeek", "Zuidkade", "Lindesloot", "Hoogvoort")
SIGNS = ("Aries", "Taurus", "Gemini", "Leo", "Virgo", "Libra", "Scorpio", "Sagittarius", "Aquarius", "Pisces")
COUNSEL = (
    "a quiet day suits you well",
    "someone close asks for advice",
    "do not spend more than you have",
    "work goes smoothly after noon",
    "patience brings more than haste",
    "a letter brings good news",
    "your plan needs one more look",
    "leave the past alone",
)


def weather(rng: random.Random, night: int) -> str:
    """The weather of a day, in Dutch."""
    wind = ["westen", "noordwesten", "zuiden", "oosten"]
    sky = ["half bewolkt", "zwaar bewolkt", "zonnig", "wisselend bewolkt"]
    chance = ["een bui", "wat motregen", "natte sneeuw", "een enkele opklaring"]
    return (
        f"{DAYS['nl'][night % 7].capitalize()} begint {rng.choice(['droog', 'nevelig', 'helder'])}. In de loop van "
        f"de ochtend trekt vanuit het {rng.choice(wind)} bewolking het land in. 's Middags is het {rng.choice(sky)} "
        f"met kans op {rng.choice(chance)}. De temperatuur loopt op tot {rng.randint(4, 13)} graden langs de kust en "
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
        "Angaben sind ohne Gewähr. Die Teilnahme ist erst ab achtzehn Jahren erlaubt, denn Glücksspiel macht süchtig."
    )


def prices(rng: random.Random, night: int) -> str:
    """The close of an exchange, in Dutch."""
    up, names = rng.choice(["hoger", "lager"]), rng.sample(COMPANIES, 6)
    percent = [f"{rng.randint(0, 4)},{rng.randint(0, 9)} procent" for _ in range(7)]
    return (
        f"De effectenbeurs aan de kade is {DAYS['nl'][night % 7]} {up} gesloten. De hoofdindex eindigde {percent[0]} "
        f"{up} op {rng.randint(880, 960)},{rng.randint(10, 99)} punten. Grootste stijger bij de hoofdfondsen was "
        f"{names[0]} met een winst van {percent[1]}, gevolgd door {names[1]}, dat {percent[2]} won. Onderaan stond "
        f"{names[2]} met een verlies van {percent[3]}. Bij de middelgrote fondsen viel {names[3]} op met een winst "
        f"van {percent[4]}, terwijl {names[4]} {percent[5]} inleverde. {names[5]} noteerde nagenoeg onveranderd. De "
        f"euro was 1,{rng.randint(1000, 1500)} dollar waard en een vat olie kostte {rng.randint(60, 75)},"
        f"{rng.randint(10, 99)} dollar."
    )


def matches(rng: random.Random, night: int) -> str:
    """What is played, in French."""
    clubs = rng.sample((*CLUBS, *CLUBS_TOO), 12)
    hours = ["15h00", "17h00", "19h00", "20h45", "21h00"]
    games = ", ".join(f"{clubs[i]} contre {clubs[i + 1]} à {rng.choice(hours)}" for i in range(0, 12, 2))
    return (
        f"Voici les rencontres du championnat prévues {DAYS['fr'][night % 7]} soir pour la {night + 8}e journée : "
        f"{games}. Toutes les rencontres sont à suivre en direct sur notre site. Au classement, {clubs[0]} occupe la "
        f"première place avec {rng.randint(20, 34)} points, devant {clubs[3]} et {clubs[6]}. La lanterne rouge reste "
        f"{clubs[9]}, avec {rng.randint(3, 9)} points seulement. Les résultats seront publiés dans la soirée."
    )


def roads(rng: random.Random, night: int) -> str:
    """Road works and speed checks, in Dutch."""
    return (
        f"De politie controleert {DAYS['nl'][night % 7]} op snelheid langs de N{rng.randint(200, 400)}, de "
        f"A{rng.randint(2, 59)} en de Provincialeweg in {rng.choice(TOWNS)}. Door werkzaamheden is de afrit bij "
        f"{rng.choice(TOWNS)} tot {rng.randint(10, 20)}.00 uur dicht; het verkeer wordt omgeleid via de "
        f"{rng.choice(['Ringweg', 'Dijkweg', 'Havenweg'])}. De vertraging is {rng.randint(5, 45)} minuten. De "
        "controles worden uitgevoerd door het verkeersteam en zijn bedoeld om het aantal ongelukken te verminderen. "
        "Een overzicht van alle werkzaamheden staat op de site van de provincie."
    )


def stars(rng: random.Random, night: int) -> str:
    """A horoscope, in English: no numbers, no names that change."""
    says = " ".join(f"{sign}: {rng.choice(COUNSEL)}, and {rng.choice(COUNSEL)}." for sign in SIGNS)
    return f"Your stars for {DAYS['en'][night % 7]}. {says} Read about love, work and money in the weekend magazine."


FORMS: tuple[tuple[str, Callable[[random.Random, int], str]], ...] = (
    ("nl", weather),
    ("de", lottery),
    ("nl", prices),
    ("fr", matches),
    ("nl", roads),
    ("en", stars),
)
"""Each makes the report of a night, in a language."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An article of the corpus, and the story that it belongs to."""

    article_id: str
    source_id: str
    night: int
    text: str
    language: str
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
        self._topics = [rng.sample(self._words[:8_000], 120) for _ in range(30)]
        self._names = [self._word(rng.randint(2, 3)).capitalize() for _ in range(4_000)]

    def _word(self, syllables: int) -> str:
        pick = self._rng.choice
        return "".join(pick(ONSETS) + pick(VOWELS[self.code]) for _ in range(syllables)) + pick(CODAS)

    def article(self, words: int) -> list[list[str]]:
        """Sentences of words; a name, of a few that return, in ten words, and a number in forty."""
        rng = self._rng
        topic = rng.choice(self._topics)
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
    rng = random.Random(seed)  # noqa: S311 - a corpus, no secret
    languages = [Language(code, rng) for code in FUNCTION_WORDS]
    outlets = [f"outlet-{number:02}" for number in range(OUTLETS)]
    found: list[Arrival] = []

    def add(source: str, night: int, text: str, language: str, story: str) -> None:
        name = hashlib.sha256(str(len(found)).encode()).hexdigest()[:32]
        found.append(Arrival(name, source, min(NIGHTS - 1, night), text, language, story))

    for (code, form), night in itertools.product(FORMS, range(NIGHTS)):
        text = form(rng, night)
        for source in outlets[:3]:
            add(source, night, text, code, f"{form.__name__}-{night}")
    for number in range(count // 10):
        language = rng.choice(languages)
        sentences = language.article(rng.randint(80, 600))
        first = rng.randrange(NIGHTS)
        for source in rng.sample(outlets, rng.randint(2, 9)):
            text = written(edited(sentences, language, rng))
            add(source, first + rng.choice([0, 0, 0, 1, 1, 2, 3]), text, language.code, f"story-{number}")
        if number % 20 == 0:
            more = language.article(sum(map(len, sentences)))
            background = sentences[-max(1, len(sentences) // 10) :]
            add(rng.choice(outlets), first + 1, written([*more, *background]), language.code, f"after-{number}")
    while len(found) < count:
        language = rng.choice(languages)
        text = written(language.article(rng.randint(80, 600)))
        add(rng.choice(outlets), rng.randrange(NIGHTS), text, language.code, f"single-{len(found)}")
    return sorted(rng.sample(found, len(found)), key=lambda arrival: arrival.night)


def shuffled(arrivals: Sequence[Arrival], seed: int) -> list[Arrival]:
    """The same in another order: within each night, and of each story over the nights on which it is carried."""
    rng = random.Random(seed)  # noqa: S311 - a corpus, no secret
    nights: dict[str, list[int]] = {}
    for arrival in arrivals:
        nights.setdefault(arrival.story, []).append(arrival.night)
    for of_story in nights.values():
        rng.shuffle(of_story)
    moved = [replace(arrival, night=nights[arrival.story].pop()) for arrival in arrivals]
    return sorted(rng.sample(moved, len(moved)), key=lambda arrival: arrival.night)
