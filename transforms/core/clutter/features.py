"""What speaks for and against each segment, as names that the fitted model has numbers for.

A feature is a string such as ``w=nieuwsbrief`` (a word of the line), ``sh=title`` (its shape) or ``pos=tail`` (below
the last prose). What a line says by itself and what its surroundings say are told apart: the first is looked up once
for a line, the second anew in every pass.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from schemas.rules import CutKind, Rule, Scope
from transforms.core.clutter.segments import Segment
from transforms.core.clutter.shape import is_bullet, is_prose, is_title, sentences, without_bullet

FULL_WEIGHT = 2.5
"""The ``weight`` at which a rule counts as the model was fitted to; other rules count in proportion."""

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_LOOKED_AT = {"prose": (160, 60), "long": (60, 30)}
# Characters at either end of a line whose words are looked at: furniture that is longer tells itself by these.
_SUBJECT_CHARS = 240
# So much of a line says what it is about.
_STEM, _STEMMED = 6, 7
_SUFFIX, _COMPOUND = 6, 9
# German and Dutch inflect at the end and put what matters last: abonnier|en, nieuws|brief.
_LONG_WORD = re.compile(r"[^\W\d_]{6,}")
# Shorter words are mostly function words in the four languages.

_DIGITS = frozenset("0123456789")
_PATTERNS = (
    ("time", re.compile(r"\b\d{1,2}\s?[:.uh]\s?\d\d\b"), _DIGITS),
    ("date", re.compile(r"\b\d{1,2}[-./]\d{1,2}[-./](?:\d\d){1,2}\b|\b(?:19|20)\d\d\b"), _DIGITS),
    (
        "price",
        re.compile(r"[€£$]\s?\d|\d[.,]\d\d\s?(?:€|eur|chf|fr\b)|\d\s?(?:€|euros?\b|chf)", re.IGNORECASE),
        _DIGITS,
    ),
    (
        "address",
        re.compile(r"://|[wW]\.|\.(?:nl|be|de|fr|com|co\.uk|org|ch|at|eu|info|net)\b"),
        frozenset("."),
    ),
    ("mail", re.compile(r"\S@\S+\.\S"), frozenset("@")),
)
# Each with characters of which one must be there: asking that first costs a tenth of the search.
_DATELINE = re.compile(r"[A-Z][\w' .-]{1,40}(?: \([A-Za-z/ ,-]{2,30}\))? - \S")
_TIME_FIRST = re.compile(r"\(?\d{1,2}\s?[:.uh]\s?\d\d\b")
_MARKS = frozenset('|>©@#()[]":?!€+/•·»*=')

_LANGUAGE_WORDS = {
    "nl": "aan als bij dat deze dit door een geen haar heeft het hij hun ik jij kan maar meer naar niet nog ook"
    " op over te tot uit van voor waar wat werd wij wordt ze zei zich zijn zo zou",
    "de": "aber als auch auf aus bei das dem den der des dass durch ein eine einem einen einer er es fur haben hat"
    " ich ihr im ist mit nach nicht noch oder sich sie sind uber und von vor war wenn werden wie wir wird zu zum zur",
    "fr": "au aux avec ce cette ces dans des du elle est et etait il ils je la le les leur lui mais nous par pas plus"
    " pour qu que qui sa se ses son sont sur un une vous",
    "en": "about after and are as at be been but by for from had has have he her his i if is it its not of or our she"
    " that the their they this to was we were which who will with would you your",
}
_LANGUAGE_OF = {
    word: language
    for language, words in _LANGUAGE_WORDS.items()
    for word in words.split()
    if sum(word in other.split() for other in _LANGUAGE_WORDS.values()) == 1
}
_LITTLE_WORDS = frozenset(" ".join(_LANGUAGE_WORDS.values()).split())
_FOREIGN_WORDS = 3


PROSE = frozenset({"prose", "long"})
"""The shapes of running text."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a line says by itself.

    Its ``tokens``, words and signs in order, in small letters and figures as ``0``; ``names`` of further features;
    its ``shape``; and what its surroundings are held against.
    """

    tokens: list[str]
    names: list[str]
    shape: str
    long_words: frozenset[str]
    language: str | None
    row: str
    time_first: bool
    dateline: bool

    def features(self) -> dict[str, float]:
        """All features of the line with their strength: a stem counts once for each word that has it."""
        found = dict.fromkeys(self.names, 1.0)
        prose = self.shape in PROSE
        names = [name for word in dict.fromkeys(self.tokens) for name in of_word(word, prose)]
        names += [f"{PAIR[prose]}{word} {behind}" for word, behind in pairwise(self.tokens)]
        for name in names:
            found[name] = found.get(name, 0.0) + 1.0
        return found


PAIR = ("b=", "q:b=")
"""How the feature of two words that stand side by side begins, in other lines and in prose.

A word says one thing in a short line and another in running text, so prose has features of its own for words."""


def of_word(word: str, prose: bool) -> tuple[str, ...]:
    """The features that a word brings: itself, its stem, its last part."""
    mark = "q:" if prose else ""
    if len(word) < _STEMMED:
        return (f"{mark}w={word}",)
    if len(word) < _COMPOUND:
        return f"{mark}w={word}", f"{mark}p={word[:_STEM]}"
    return f"{mark}w={word}", f"{mark}p={word[:_STEM]}", f"{mark}s={word[-_SUFFIX:]}"


def describe(form: str) -> Form:
    """What the folded text of a line, without blanks around it, says by itself."""
    if not form:
        return Form([], ["sh=empty"], "empty", frozenset(), None, "", False, False)
    shape = _shape(form)
    long_words = frozenset(_LONG_WORD.findall(form[:_SUBJECT_CHARS].lower()))
    begin, end = _LOOKED_AT.get(shape, _LOOKED_AT["prose"])
    whole = len(form) <= begin + end
    seen = form if whole else f"{form[:begin]} {form[-end:]}"
    tokens = _TOKEN.findall(seen)
    low = [token.lower() if token[0] > "9" else _plain(token) for token in tokens]
    letters = [token for token in tokens if token[0].isalpha()]
    pattern = " ".join([_class(token) for token in tokens[:8]])
    first, last = form[0], form[-1]
    mark = "q:" if shape in PROSE else ""
    names = [
        "sh=" + shape,
        f"{mark}^={low[0]}",
        f"{mark}$={low[-1]}",
        "nw=" + (_bucket(len(letters), _WORD_COUNTS) if whole else "+"),
        "end=" + ("a" if last.isalnum() else last),
        "beg=" + ("A" if first.isupper() else "a" if first.isalpha() else "0" if first.isdigit() else first),
    ]
    if len(low) > 1:
        names.append(f"{mark}^^={low[0]} {low[1]}")
    if len(tokens) <= 6:
        names.append("pat=" + pattern)
    if letters:
        names.append(f"cap={round(4 * sum([token[0].isupper() for token in letters]) / len(letters))}")
        if form.isupper():
            names.append("allcaps")
    characters = set(seen)
    if not characters.isdisjoint(_MARKS):
        names += [f"{mark}ch={sign}" for sign in sorted(characters & _MARKS)]
    for name, found, needed in _PATTERNS:
        if not characters.isdisjoint(needed) and found.search(seen):
            names += (f"has={name}", f"has={name} {shape}")
    dateline = "-" in characters and bool(_DATELINE.match(form))
    if dateline:
        names += ("has=dateline", "has=dateline " + shape)
    if not characters.isdisjoint(_DIGITS):
        digits = sum([len(token) for token in low if token[0] == "0"])
        names.append("dig=" + _bucket(10 * digits // len(seen), (0, 1, 3, 6)))
    return Form(
        tokens=low,
        names=names,
        shape=shape,
        long_words=long_words,
        language=_language(low),
        row=_row(tokens),
        time_first=first in "(0123456789" and bool(_TIME_FIRST.match(form)),
        dateline=dateline,
    )


def _language(words: Sequence[str]) -> str | None:
    """The language whose own little words stand in the line, if there are enough of them."""
    if len(words) < 2 * _FOREIGN_WORDS:
        return None
    spoken = Counter([_LANGUAGE_OF[word] for word in words if word in _LANGUAGE_OF])
    if not spoken:
        return None
    language = max(spoken, key=lambda name: (spoken[name], name))
    return language if spoken[language] >= _FOREIGN_WORDS else None


_WORD_COUNTS = (0, 1, 2, 3, 5, 8, 12, 20, 40, 80)


_ROW_TOKENS = 12


def _row(tokens: Sequence[str]) -> str:
    """The make of a line that could be the row of a table: its figures and signs, with words between them."""
    if len(tokens) > _ROW_TOKENS:
        return ""
    make = "".join(["a" if token[0].isalpha() else "0" if token.isdigit() else token for token in tokens])
    return _REPEATED_WORDS.sub("a", make) if "0" in make else ""


_REPEATED_WORDS = re.compile(r"a{2,}")


def _plain(token: str) -> str:
    """A token that begins with a figure or a sign: all figures are one."""
    return "0" * min(len(token), 4) if token.isdigit() else token


def _class(word: str) -> str:
    if not word[0].isalpha():
        return _plain(word)
    return "A" if word.isupper() else "Aa" if word[0].isupper() else "a"


def _shape(form: str) -> str:
    if not form:
        return "empty"
    if is_bullet(form):
        form = without_bullet(form)
        if is_title(form):
            return "bullet"
    if is_prose(form):
        return "long" if sentences(form) > 2 else "prose"
    return "title" if is_title(form) else "sentence"


_LABELS = [str(number) for number in range(100)]


def _bucket(number: int, borders: Sequence[int]) -> str:
    """The first of the borders that the number does not exceed."""
    at = bisect_left(borders, number)
    return _LABELS[borders[at]] if at < len(borders) else "+"


def surroundings(
    segments: Sequence[Segment], forms: Sequence[Form], headline: str | None = None
) -> tuple[list[str], list[list[str]]]:
    """Where each segment stands (``top``, ``first``, ``mid`` or ``tail``), and what that and the text around it say.

    Args:
        segments: the text in order.
        forms: what each of them says by itself.
        headline: the headline where it is known from elsewhere, folded.
    """
    shapes = [form.shape for form in forms]
    prose = [i for i, shape in enumerate(shapes) if shape in PROSE]
    first, last = (prose[0], prose[-1]) if prose else (len(forms), -1)
    lede = set().union(*(form.long_words for form in forms[: first + 2]))
    if headline:
        lede |= describe(headline).long_words
    ahead = {word for i in prose[:_LEDE] for word in _telling(forms[i])}
    spread = Counter(word for i in prose for word in forms[i].long_words)
    languages = Counter(form.language for form in forms if form.language)
    spoken = max(languages, key=lambda name: (languages[name], name)) if languages else None
    rows = Counter([form.row for form in forms if form.row])
    row_like = [bool(form.row) and rows[form.row] >= _LIKE_ROWS for form in forms]
    times = sum(form.time_first for form in forms)
    datelines = sum(form.dateline for form in forms)
    seen: set[str] = set()
    intro = "none"
    places: list[str] = []
    out: list[list[str]] = []
    for i, (segment, form) in enumerate(zip(segments, forms, strict=True)):
        shape = form.shape
        place = "top" if i < first else "first" if i == first else "tail" if i > last else "mid"
        before = shapes[i - 1] if i else "none"
        behind = shapes[i + 1] if i + 1 < len(shapes) else "none"
        found = [
            "bias",
            "pos=" + place,
            f"pos={place} {shape}",
            f"pos={place} nw={_bucket(len(form.tokens), (1, 2, 3, 5, 8, 12, 20))}",
            "prev=" + before,
            "next=" + behind,
            f"pn={before} {shape} {behind}",
        ]
        add = found.append
        if place == "top":
            found += (f"top={_bucket(first - i, (1, 2, 3, 5, 8))}", f"topi={_bucket(i, (0, 1, 2, 4, 8))}")
            if ahead and (telling := _telling(form)):
                told = _bucket(len(telling & ahead), (0, 1, 2, 3))
                found += ("ahead=" + told, f"ahead={told} {shape}")
        elif place == "tail":
            add(f"tail={_bucket(i - last, (1, 2, 3, 5, 8, 15))}")
        if i == len(forms) - 1:
            add("lastline")
        if i and segments[i - 1].form.endswith(":"):
            add("prevcolon")
        if shape == "bullet":
            found += ("intro=" + intro, f"intro={intro} {place}")
        elif shape != "empty":
            intro = shape + (":" if segment.form[-1] == ":" else "")
        key = segment.form.casefold()
        if key in seen:
            found += ("again", "again " + shape)
        elif key:
            seen.add(key)
        if i > first + 1 and shape != "empty" and shape != "bullet":
            common = _bucket(len(form.long_words & lede), (0, 1, 2))
            found += ("lede=" + common, f"lede={common} {shape}")
        if len(key) >= _BEGUN:
            if i + 1 < len(forms) and segments[i + 1].form.casefold().startswith(key):
                found += ("begun", f"begun {place}")
            if i and len(former := segments[i - 1].form.casefold()) >= _BEGUN and key.startswith(former):
                found += ("begins", f"begins {place}")
        own = 1 if shape in PROSE else 0
        if form.long_words and len(prose) > 2 * own:
            held = sum(spread[word] > own for word in form.long_words)
            shared = _bucket(10 * held // len(form.long_words), (0, 1, 3, 5))
            found += ("held=" + shared, f"held={shared} {shape}")
        if form.language and form.language != spoken:
            add("foreign")
        if segment.glued:
            add("glued")
        if segment.indented:
            add("indented")
        if form.time_first and times >= _ROWS:
            add("times")
        if form.dateline and datelines >= _ROWS:
            add("datelines")
        if row_like[i]:
            add("rows")
        elif any(row_like[max(0, i - 2) : i + 3]):
            add("near rows")
        places.append(place)
        out.append(found)
    return places, out


_TELLING = 4


def _telling(form: Form) -> set[str]:
    """The beginnings of the words of a line that say what it is about."""
    return {
        word[:_STEM] for word in form.tokens if len(word) >= _TELLING and word[0] > "9" and word not in _LITTLE_WORDS
    }


_BEGUN = 12
# A line of so many characters with which the next one begins is a caption that was said before its credit.
_LEDE = 3
# What a headline says is told again in the first lines of prose; a menu or the headline of another story is not.
_ROWS, _LIKE_ROWS = 3, 2
# So many lines of one make are the article: the entries of a live-blog; the rows of a table, short as it may be.


def from_rules(
    fitting: Sequence[Sequence[Rule]], sure: Sequence[bool], forms: Sequence[Form], places: Sequence[str]
) -> list[dict[str, float]]:
    """What the rules say of each segment and of its neighbours, as features with their strength.

    Args:
        fitting: for each segment the rules that it fits.
        sure: for each segment whether it goes in any case.
        forms: for each segment what it says by itself.
        places: for each segment where it stands: ``top``, ``first``, ``mid`` or ``tail``.
    """
    own: list[dict[str, float]] = []
    shared: list[list[str]] = []
    opened: int | None = None
    claimed = sum(certain or bool(rules) for rules, certain in zip(fitting, sure, strict=True))
    for i, (rules, certain, form, place) in enumerate(zip(fitting, sure, forms, places, strict=True)):
        found: dict[str, float] = {}
        seen = ["sure"] if certain else []
        for rule in rules:
            strength = rule.weight / FULL_WEIGHT
            for name in (f"r={rule.scope}", f"r={rule.scope} {place}", f"k={rule.kind}"):
                found[name] = max(strength, found.get(name, 0.0))
            seen += (f"r={rule.scope}", f"k={rule.kind}")
        others = _bucket(claimed - (certain or bool(rules)), (0, 1, 3, 6))
        found["others=" + others] = 1.0
        if not seen and form.shape != "empty":
            seen.append("norule")
            found[f"others={others} {place} {form.shape}"] = 1.0
        if opened is not None and form.shape != "empty":
            distance = _bucket(i - opened, (1, 2, 4, 8, 16))
            found[f"below={distance}"] = found[f"below={distance} {form.shape}"] = 1.0
        if any(rule.scope is Scope.HEADER or rule.kind in _OF_LINKS for rule in rules):
            opened = i
        for name in seen:
            found.setdefault(name, 1.0)
        own.append(found)
        shared.append(seen)
    for i, found in enumerate(own):
        found.update(("<" + name, 1.0) for name in (shared[i - 1] if i else ()))
        found.update((">" + name, 1.0) for name in (shared[i + 1] if i + 1 < len(own) else ()))
    return own


_OF_LINKS = frozenset({CutKind.RELATED_TEASER, CutKind.RELATED_WIRE, CutKind.AGGREGATOR})
