"""What a line says by itself, as names that the fitted model has numbers for.

A feature is a string such as ``w=nieuwsbrief`` (a word of the line) or ``sh=title`` (its shape). What surrounds a
line is told apart (``surroundings``): this is looked up once for a line, that anew in every pass.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from transforms.core.clutter.shape import PROSE_CHARS, is_bullet, is_title, sentences, without_bullet

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_ASCII_TOKEN = re.compile(r"[A-Za-z]+|[0-9]+|[!-/:-@[-`{-~\x00-\x08\x0e-\x1b\x7f]")
# The same for text in ASCII, in a third of the time.
_LOOKED_AT = {"prose": (160, 60), "long": (60, 30)}
# Characters at either end of a line whose words are looked at: furniture that is longer tells itself by these.
_SUBJECT_CHARS = 240
# So much of a line says what it is about.
_STEM, _STEMMED = 6, 7
_SUFFIX, _COMPOUND = 6, 9
# German and Dutch inflect at the end and put what matters last: abonnier|en, nieuws|brief.
_LONG_WORD = re.compile(r"[^\W\d_]{6,}")
_ASCII_LONG_WORD = re.compile(r"[a-z]{6,}")
# Shorter words are mostly function words in the four languages.

_DIGITS = frozenset("0123456789")
_TIME = re.compile(r"\d(?<!\w\d)\d?\s?[:.uh]\s?\d\d\b")
_DATE = re.compile(r"\d(?<!\w\d)(?:\d?[-./]\d{1,2}[-./](?:\d\d){1,2}|(?:(?<=1)9|(?<=2)0)\d\d)\b")
_PRICE = re.compile(
    r"[€£$]\s?\d|\d[.,]\d\d\s?(?:€|eur|chf|fr\b)|\d\s?(?:€|euros?\b|chf)",
    re.IGNORECASE,
)
_MONEY = ("€", "£", "$", "eur", "chf", "fr")
_ADDRESS = re.compile(r"://|w\.|W\.|\.(?:nl|be|de|fr|com|co\.uk|org|ch|at|eu|info|net)\b")
_MAIL = re.compile(r"\S@\S+\.\S")
# Each begins with what few characters are, which the search leaps to: a digit behind no letter, not a border.
_DATELINE = re.compile(r"[A-Z][\w' .-]{1,40}(?: \([A-Za-z/ ,-]{2,30}\))? - \S")
_TIME_FIRST = re.compile(r"\(?\d{1,2}\s?[:.uh]\s?\d\d\b|\d{1,3}(?:\s?\+\s?\d{1,2})?['.:]?\Z")
# A time, or the minute of a match that has the line for itself.
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
READER = frozenset(
    (
        "je",
        "jij",
        "jou",
        "jouw",
        "jullie",
        "u",
        "uw",
        "vous",
        "votre",
        "vos",
        "you",
        "your",
        "du",
        "dein",
        "deine",
        "euch",
    )
)
"""Words that address the reader, in any of the languages."""
_QUOTED = re.compile(r"""(?<![\w"'])(?:,,|["'])\s?(?=\w).{3,200}?(?<=[\w.,!?])\s?["']{1,2}(?!\w)""")
_UNQUOTED_WORDS = 2
"""What stands in quotation marks says nothing of the line, if so many words stand outside: an article that quotes a
header is no header."""
LITTLE_WORDS = frozenset(" ".join(_LANGUAGE_WORDS.values()).split())
_LANGUAGES = sorted(_LANGUAGE_WORDS, reverse=True)
_FOREIGN_WORDS = 3


PROSE = frozenset({"prose", "long"})
"""The shapes of running text."""


class Form(NamedTuple):
    """What a line says by itself.

    It itself without regard to case (``folded``); its ``tokens``, words and signs in order, in small letters and
    figures as ``0``, and those of them that are ``said`` by the line itself and not quoted in it; ``names`` of
    further features; its ``shape``; and what its surroundings are held against.
    """

    folded: str
    tokens: list[str]
    said: list[str]
    names: list[str]
    shape: str
    long_words: frozenset[str]
    language: str | None
    row: str
    time_first: bool
    dateline: bool
    named: bool

    def features(self) -> dict[str, float]:
        """All features of the line with their strength: a stem counts once for each word that has it."""
        found = dict.fromkeys(self.names, 1.0)
        prose = self.shape in PROSE
        names = [name for word in dict.fromkeys(self.said) for name in of_word(word, prose)]
        names += [f"{PAIR[prose]}{word} {behind}" for word, behind in pairwise(self.said)]
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


_EMPTY = Form("", [], [], ["sh=empty"], "empty", frozenset(), None, "", False, False, named=False)


def describe(form: str) -> Form:
    """What the folded text of a line, without blanks around it, says by itself."""
    if not form:
        return _EMPTY
    shape = _shape(form)
    prose = shape in PROSE
    begin, end = _LOOKED_AT.get(shape, _LOOKED_AT["prose"])
    whole = len(form) <= begin + end
    seen = form if whole else f"{form[:begin]} {form[-end:]}"
    ascii_only = form.isascii()
    tokens = (_ASCII_TOKEN if ascii_only else _TOKEN).findall(seen)
    low = list(map(str.lower, tokens))
    initials = "".join([token[0] for token in tokens])
    letters = "".join(filter(str.isalpha, initials))
    # Signs are tokens of one character, and figures in ASCII stand together: these are all signs and figures seen.
    # Elsewhere a number may begin with the figures of another script.
    characters = set(initials if ascii_only else seen)
    figures = not characters.isdisjoint(_DIGITS)
    if figures:
        low = [_plain(token) if token[0] <= "9" else token for token in low]
    first, last = form[0], form[-1]
    mark = "q:" if prose else ""
    names = [
        "sh=" + shape,
        f"{mark}^={low[0]}",
        f"{mark}$={low[-1]}",
        "nw=" + (bucket(len(letters), _WORD_COUNTS) if whole else "+"),
        "end=" + ("a" if last.isalnum() else last),
        "beg=" + ("A" if first.isupper() else "a" if first.isalpha() else "0" if first.isdigit() else first),
    ]
    add = names.append
    if len(low) > 1:
        add(f"{mark}^^={low[0]} {low[1]}")
    if len(tokens) <= 6:
        add("pat=" + " ".join(map(_class, tokens)))
    capitals = sum(map(str.isupper, letters))
    if letters:
        add(f"cap={round(4 * capitals / len(letters))}")
        if form.isupper():
            add("allcaps")
    names += [f"{mark}ch={sign}" for sign in sorted(characters & _MARKS)]
    said = low
    if '"' in characters or ("'" in characters and (first == "'" or " '" in seen)):
        outside = _QUOTED.sub(' "" ', seen)
        if outside != seen:
            others = list(map(str.lower, _TOKEN.findall(outside)))
            if sum([token[0].isalpha() for token in others]) >= _UNQUOTED_WORDS:
                said = [_plain(token) if token[0] <= "9" else token for token in others]
                names += ("quoting", f"quoting {shape}")
    if not READER.isdisjoint(said) or ("Sie" in tokens and "Sie" in tokens[1:]):
        names += ("reader", f"reader {shape}")
    held = _held(seen, characters) if figures or not characters.isdisjoint(".@") else []
    dateline = "-" in characters and " - " in form and bool(_DATELINE.match(form))
    if dateline:
        held.append("dateline")
    for name in held:
        names += (f"has={name}", f"has={name} {shape}")
    if figures:
        digits = sum([len(token) for token in low if token[0] == "0"])
        add("dig=" + bucket(10 * digits // len(seen), (0, 1, 3, 6)))
    return Form(
        folded=form.casefold(),
        tokens=low,
        said=said,
        names=names,
        shape=shape,
        long_words=long_words(form),
        language=_language(low),
        row=_row(tokens) if len(tokens) <= _ROW_TOKENS and any(map(str.isdigit, initials)) else "",
        time_first=first in "(0123456789" and bool(_TIME_FIRST.match(form)),
        dateline=dateline,
        named=first.isupper() and 2 * capitals > len(letters) and not figures,
    )


def _held(seen: str, characters: Set[str]) -> list[str]:
    """Which of the things that are told by their form stand in the line."""
    held = []
    if not characters.isdisjoint(_DIGITS):
        if _TIME.search(seen):
            held.append("time")
        if _DATE.search(seen):
            held.append("date")
        lowered = seen.lower()
        if any(money in lowered for money in _MONEY) and _PRICE.search(seen):
            held.append("price")
    if "." in characters and _ADDRESS.search(seen):
        held.append("address")
    if "@" in characters and _MAIL.search(seen):
        held.append("mail")
    return held


def long_words(form: str) -> frozenset[str]:
    """The longer words at the beginning of a line, in small letters: most of what it is about."""
    return frozenset((_ASCII_LONG_WORD if form.isascii() else _LONG_WORD).findall(form[:_SUBJECT_CHARS].lower()))


def telling(form: Form) -> set[str]:
    """The beginnings of the words of a line that say what it is about."""
    return {
        word[:_STEM] for word in form.tokens if len(word) >= _TELLING and word[0] > "9" and word not in LITTLE_WORDS
    }


_TELLING = 4


def _language(words: Sequence[str]) -> str | None:
    """The language whose own little words stand in the line, if there are enough of them."""
    if len(words) < 2 * _FOREIGN_WORDS:
        return None
    spoken = list(filter(None, map(_LANGUAGE_OF.get, words)))
    if len(spoken) < _FOREIGN_WORDS:
        return None
    language = max(_LANGUAGES, key=spoken.count)
    return language if spoken.count(language) >= _FOREIGN_WORDS else None


_WORD_COUNTS = (0, 1, 2, 3, 5, 8, 12, 20, 40, 80)


_ROW_TOKENS = 12


def _row(tokens: Sequence[str]) -> str:
    """The make of a line that could be the row of a table: its figures and signs, with words between them."""
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
    if is_bullet(form):
        form = without_bullet(form)
        if is_title(form):
            return "bullet"
    if len(form) >= PROSE_CHARS and not is_bullet(form) and (ends := sentences(form)):
        return "long" if ends > 2 else "prose"
    return "title" if is_title(form) else "sentence"


_LABELS = [str(number) for number in range(100)]


def bucket(number: int, borders: Sequence[int]) -> str:
    """The first of the borders that the number does not exceed."""
    at = bisect_left(borders, number)
    return _LABELS[borders[at]] if at < len(borders) else "+"
