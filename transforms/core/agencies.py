"""Which news agency the text came from: read from datelines, credit lines and bylines, never from a mention.

That an article quotes an agency says nothing of who wrote it. So a name counts only in a closed set of
places: the brackets of a dateline, a line that is a credit and nothing else, the byline, the page's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.article import Cut
from schemas.rules import CutKind
from schemas.tagging import AgencyFile
from transforms.core.datelines import bare_place, place_of

MAX_EVIDENCE_CHARS = 300
"""The evidence is for people to read; a dateline takes 20 to 60 characters."""

OPENING_LINES = 3
"""The article's own dateline stands in one of the first lines: below a headline, and at most a standfirst."""

CLOSING_LINES = 3
"""A credit that stands below the text has a line of its own, with at most a date and initials around it."""

_DATELINE = re.compile(
    r"(?P<lead>[^()\n]{0,60})\((?P<names>[^()\n]{2,60})\)"
    r"(?:\.?[ \u00a0]?(?P<dash>[-–—=])|(?P<stop>\.?)[ \u00a0]+(?=[\"'„“«]?[A-ZÀ-Þ]))"
)
_INNER_DATELINE = re.compile(
    r"[.!?…:\"”»][ \u00a0](?P<lead>[A-ZÀ-Þ][^().!?:;,\n]{1,40}[ \u00a0])\((?P<names>[^()\n]{2,60})\)"
    r"[ \u00a0]?[-–—=][ \u00a0](?=[\"'„“«]?[A-ZÀ-Þ])"
)
_INNER_BRACKET = re.compile(r"[.!?…\"”»][ \u00a0]\((?P<names>[^()\n]{2,40})\)(?=[ \u00a0])")
_SOURCES = ("Bron", "Quelle", "Source")
_INNER_CREDIT = re.compile(rf"(?<=[.!?…\"”»\d] )(?:{'|'.join(_SOURCES)})[ \u00a0]?: ?(?P<names>[^\n]{{2,40}})")
_TIME = re.compile(
    r"\d{1,2}[.:hu]\d{2}(?:[ \u00a0]?(?:uur|uhr|h|u|am|pm)\b)?[ \u00a0]*[:.|–—-]?[ \u00a0]*", re.IGNORECASE
)
_SENTENCE_END = ".!?…\"”»’'"
_END_CREDIT = re.compile(r"[.!?…\"”»’'][ \u00a0]*\((?P<names>[^()\n]{2,60})\)\.?$")
_SEPARATORS = re.compile(r"[/,;|+&•·()\[\]]|\s[-–—]\s|\.\s|\s(?:en|und|et|and|mit|met|avec|with)\s", re.IGNORECASE)
_FOOTERS = frozenset({CutKind.COPYRIGHT, CutKind.OTHER})
_OTHER_STORIES = frozenset(
    {CutKind.RELATED_HEADER, CutKind.RELATED_TEASER, CutKind.RELATED_WIRE, CutKind.AGGREGATOR, CutKind.NAVIGATION}
)
# A footer that begins like a source credit is one, whatever else stands in it.
_CREDIT_MARK = re.compile(
    r"(?:(?:bron(?:nen)?|quellen?|sources?|fuente|copyright|door|von|par|by|van|redactie|redaktion|auteurs?|tekst"
    r"|text|info|avec|met|mit|with)(?![^\W_])|©|\(c\))[ \u00a0]*:?[ \u00a0]*",
    re.IGNORECASE,
)
_INFORMATION = re.compile(
    r"(?:les |des )?(?:informations?|informatie|informationen|material) (?:de|van|von|from|der)(?![^\W_])",
    re.IGNORECASE,
)
_BY = re.compile(r"(?:door|von|par|by)\s", re.IGNORECASE)
_COPYRIGHT = re.compile(r"©|\(c\)|copyright", re.IGNORECASE)
_PHOTO = re.compile(
    r"\b(?:fotos?|photos?|bild|bilder|beeld|images?|pictures?|gra(?:f|ph)ik|graphic|vid[eé]o|illustration)\b",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"^(?:dpa:[\w./-]+|(?:19|20)\d\d|\d+)$", re.IGNORECASE)
_IDENTIFIED = re.compile(r"\bdpa:\d", re.IGNORECASE)
_YEARS = re.compile(r"^(?:(?:19|20)\d\d[-–]?)+\s+|\s+(?:19|20)\d\d$")
_DOMAIN = re.compile(r"^(?:www\.)?([\w-]{2,30})\.(?:at|be|ch|com|de|eu|fr|info|lu|net|nl|org)$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")

_SERVICES = re.compile(r"^(?P<agency>dpa|ddp|dapd|epd|dts)[ -][a-z]{2,3}$")
"""The regional desks of German agencies: dpa-lnw, dpa lby, ddp-nrd."""

_INITIALS = re.compile(r"[a-z]{1,4}\d?|\d{1,4}(?:\.\d{1,2}\.\d{4})?")
_INITIALS_IN_BRACKETS = re.compile(r"[A-Z]{2,3}")
_SIGNED = re.compile(r"\(?[\w.-]{1,20}(?:[/ ][\w.-]{1,20}){1,6}/?\)?")
_MOST_INITIALS = 5

_CREDIT_FILLERS = frozenset(
    {
        *("de", "onze", "redactie", "redaktion", "rédaction", "la", "le", "die", "der", "eigen", "berichtgeving"),
        *("staff", "newsroom", "persbureau", "nieuwsagentschap", "persagentschap", "agence", "agentur", "agency"),
        *("news", "inputs", "input", "red"),
    }
)
"""Words that stand beside the name of an agency in a byline and name nobody else."""

_FEW_SENTENCES = 2
"""A bracket that ends a paragraph of as many is a credit; behind one sentence it may end a caption …"""

_MANY = 3
"""… unless as many paragraphs end in one: news in brief."""


@dataclass(frozen=True, slots=True)
class AgencyCopy:
    """What was read: the agencies in the order found, the line that said so, and the dateline's place."""

    codes: tuple[str, ...] = ()
    display: tuple[str, ...] = ()
    evidence: str | None = None
    place: str | None = None

    @property
    def column(self) -> str | None:
        """The codes as they stand in the column ``agency``: "ANP", "ANP/RTR", or ``None``."""
        return "/".join(self.codes) or None


@dataclass(frozen=True, slots=True)
class _Name:
    code: str
    written: frozenset[str]
    ambiguous: bool


class AgencyReader:
    """Reads agency copy with the names of ``config/tags/agencies.toml``.

    Raises ValueError for a code or name that stands for two agencies.
    """

    def __init__(self, agencies: AgencyFile) -> None:
        self._display = {agency.code: agency.display or agency.code for agency in agencies.agency}
        self._not_places = frozenset(word.casefold() for word in agencies.not_places)
        self._names: dict[str, _Name] = {}
        for agency in agencies.agency:
            written = (agency.code, agency.name, *filter(None, (agency.display,)), *agency.aliases)
            for name in sorted({_key(one) for one in written}):
                if not name:
                    raise ValueError(f"agency {agency.code}: a name is empty")
                if name in self._names:
                    raise ValueError(f"agency {agency.code}: {name!r} already stands for {self._names[name].code}")
                self._names[name] = _Name(agency.code, frozenset(written), agency.ambiguous)
        self._longest = max((name.count(" ") + 1 for name in self._names), default=0)

    def read(
        self, *, body: str, removed: Sequence[Cut], authors: Sequence[str], claims: Sequence[str] = ()
    ) -> AgencyCopy:
        """Read the agencies of an article.

        Args:
            body: the clean text: datelines at the start of its lines, and a credit below it.
            removed: what was cut; only source credits and bylines are read, never captions, photo credits or
                other stories.
            authors: the byline.
            claims: names of organisations that the page's metadata gives as author or source.

        Returns:
            The agencies, those of datelines first, then of credits, byline and claims; and the place of the
            article's own dateline, ``None`` where several datelines name different places.
        """
        found: dict[str, str] = {}
        lines = [line.strip() for line in body.splitlines()]
        lines = [line for line in lines if line]
        places: dict[str | None, int] = {}
        for number, line in enumerate(lines):
            if "(" in line:
                for codes, where, shown in self._datelines(line, opening=number < OPENING_LINES):
                    _note(found, codes, shown)
                    places.setdefault(where, number)
            if "(" in line or ":" in line:
                for codes, shown in self._inner_credits(line):
                    _note(found, codes, shown)
        if not places:
            place = bare_place(lines, self._not_places)
        else:
            where, number = next(iter(places.items()))
            place = where if len(places) == 1 and number < OPENING_LINES else None
        for line in lines[-CLOSING_LINES:]:
            _note(found, self._closing_credit(line), line)
        for codes, shown in self._credits(body, removed):
            _note(found, codes, shown)
        for author in (*authors, *claims):
            _note(found, self._byline(author), author)
        evidence = " | ".join(dict.fromkeys(found.values()))
        return AgencyCopy(
            codes=tuple(found),
            display=tuple(self._display[code] for code in found),
            evidence=evidence[:MAX_EVIDENCE_CHARS] or None,
            place=place,
        )

    def _datelines(self, line: str, *, opening: bool) -> Iterator[tuple[tuple[str, ...], str | None, str]]:
        """The agencies, the place and the wording of the datelines of a line.

        One opens it. Where a page came without its line breaks, others follow within it.
        """
        first = self._dateline(line, opening=opening)
        if first is not None:
            yield first
        for found in _INNER_DATELINE.finditer(line):
            place = place_of(found["lead"].strip())
            names = [name for piece in _SEPARATORS.split(found["names"]) if (name := self._name(piece)) is not None]
            codes = tuple(name.code for name in names if not name.ambiguous)
            if codes and place is not None:
                yield codes, place, found[0][1:].strip()

    def _inner_credits(self, line: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """The agencies and the wording of credits amid a line: ". (dpa) " and "Bron: ANP"."""
        for found in _INNER_BRACKET.finditer(line) if "(" in line else ():
            if names := self._pieces(found["names"]):
                yield tuple(name.code for name in names), found[0][1:].strip()
        for found in _INNER_CREDIT.finditer(line) if any(word in line for word in _SOURCES) else ():
            if (name := next(self._scan(found["names"], at_start=True), None)) is not None and not name.ambiguous:
                yield (name.code,), found[0].strip()

    def _dateline(self, line: str, *, opening: bool) -> tuple[tuple[str, ...], str | None, str] | None:
        """The agencies, the place and the wording of the dateline that opens the line.

        Further down an ambiguous agency needs a place in capitals: lists of people have their party there. Without a
        dash behind it a dateline needs the place in capitals, a full stop, or nothing before its brackets.
        """
        time = _TIME.match(line)
        match = _DATELINE.match(line, time.end() if time else 0)
        if match is None or _PHOTO.search(match["names"]):
            return None
        lead = match["lead"].strip()
        place = place_of(lead)
        if lead and place is None:
            return None
        capitals = lead != "" and lead.upper() == lead
        sure = opening or capitals
        if not match["dash"] and not capitals and not (opening and (match["stop"] or not lead)):
            return None
        if match["stop"] and next(self._scan(lead), None) is not None:
            return None  # "Agence France-Presse (AFP). Le …" explains the letters
        names = [self._name(piece) for piece in _SEPARATORS.split(match["names"])]
        codes = tuple(name.code for name in names if name is not None and (sure or not name.ambiguous))
        return (codes, place, match[0].strip()) if codes else None

    def _credits(self, body: str, removed: Sequence[Cut]) -> Iterator[tuple[tuple[str, ...], str]]:
        """The agencies that the cuts credit, each with its wording.

        Next to other stories a time is theirs. What was cut as the credit of a picture is one of the text where it
        begins like a byline, joins an agency with initials, or is a bracket behind the sentences of a paragraph.
        """
        gone, last = 0, ""
        brackets = sum(cut.kind == CutKind.PHOTO_CREDIT and cut.text.strip().startswith("(") for cut in removed)
        for cut in removed:
            text, at = cut.text.strip(), cut.start - gone
            gone += cut.end - cut.start
            if cut.kind == CutKind.SOURCE_CREDIT or (cut.kind in _FOOTERS and _CREDIT_MARK.match(text)):
                yield self._source_credit(text), text
            elif cut.kind in (CutKind.BYLINE, CutKind.OTHER) or (
                cut.kind == CutKind.TIMESTAMP and last not in _OTHER_STORIES
            ):
                yield self._byline(text) or self._signed(text), text
            elif cut.kind == CutKind.PHOTO_CREDIT:
                if _BY.match(text):
                    yield self._byline(text), text
                elif text.startswith("(") and _ends_paragraph(body, at, 1 if brackets >= _MANY else _FEW_SENTENCES):
                    yield self._closing_credit(f". {text}"), text
                else:
                    yield self._signed(text), text
            if cut.kind != CutKind.WHITESPACE:
                last = cut.kind

    def _signed(self, text: str) -> tuple[str, ...]:
        """The agencies of a signature with the initials of its editors: "dpa abc xy", "ats/mlv", "(LH/dpa)"."""
        if _SIGNED.fullmatch(text) is None:
            return ()
        initials = _INITIALS_IN_BRACKETS if text.startswith("(") else _INITIALS
        codes: list[str] = []
        signs = 0
        for word in re.split(r"[/ ]", text.strip("()/")):
            name = self._name(word)
            if name is not None and (not name.ambiguous or word in name.written):
                codes.append(name.code)
            elif _INITIALS.fullmatch(word) or initials.fullmatch(word):
                signs += 1
            else:
                return ()
        return tuple(codes) if 1 <= signs <= _MOST_INITIALS else ()

    def _closing_credit(self, line: str) -> tuple[str, ...]:
        """The agencies of a line at the end that is a credit, or that ends in one after its last sentence."""
        codes = self._closing_names(line)
        # Asked last, since hardly a line names an agency. A copyright sign alone credits the picture far more often
        # than the text.
        if codes and (_PHOTO.search(line[-120:]) or (_COPYRIGHT.match(line) and not _IDENTIFIED.search(line))):
            return ()
        return codes

    def _closing_names(self, line: str) -> tuple[str, ...]:
        """The agencies of such a line, whether it credits the text or a picture."""
        match = _END_CREDIT.search(line[-120:]) if line.endswith((")", ").")) else None
        if match is not None:
            ends = [self._name(_unmarked(piece)) for piece in _SEPARATORS.split(match["names"])]
            return tuple(name.code for name in ends if name is not None)
        if len(line) > MAX_EVIDENCE_CHARS:
            return ()
        names = self._pieces(line)
        if names is None:
            return self._signed(line)
        marked = _CREDIT_MARK.match(line) or (line.startswith("(") and line.endswith(")"))
        return tuple(name.code for name in names if marked or not name.ambiguous)

    def _source_credit(self, text: str) -> tuple[str, ...]:
        """The agencies of a cut source credit; what follows a word for a picture credits the picture."""
        photo = _PHOTO.search(text)
        words = text[: photo.start()] if photo else text
        codes: list[str] = []
        for piece in _SEPARATORS.split(words.replace("\n", " / ")):
            exact = self._name(_unmarked(piece))
            if exact is not None:
                codes.append(exact.code)
            else:
                codes += (name.code for name in self._scan(piece) if not name.ambiguous)
        return tuple(dict.fromkeys(codes))

    def _byline(self, text: str) -> tuple[str, ...]:
        """The agencies that a piece of the byline names; an ambiguous one must be written as it is listed."""
        codes: list[str] = []
        for piece in _SEPARATORS.split(text[:MAX_EVIDENCE_CHARS].replace("\n", " / ")):
            bare = _unmarked(piece)
            name = self._name(bare)
            if name is not None and (not name.ambiguous or any(written in bare for written in name.written)):
                codes.append(name.code)
        return tuple(dict.fromkeys(codes))

    def _pieces(self, line: str) -> list[_Name] | None:
        """The agencies of a credit line, ``None`` where it names anybody else; numbers and fillers do not count."""
        names: list[_Name] = []
        for piece in _parts(line):
            bare = _unmarked(piece)
            if bare and not _IDENTIFIER.match(bare) and not _CREDIT_FILLERS.issuperset(_words(bare)):
                name = self._name(bare)
                if name is None:
                    return None
                names.append(name)
        return names

    def _name(self, piece: str) -> _Name | None:
        """The agency that the whole piece names, apart from fillers and the regional desk."""
        bare = piece.strip()
        if "." in bare:
            bare = _DOMAIN.sub(r"\1", bare)
        words = _words(bare)
        found = self._names.get(" ".join(words))
        if found is None and (desk := _SERVICES.match(bare.casefold())):
            found = self._names.get(desk["agency"])
        if found is not None:
            return found
        rest = [word for word in words if word not in _CREDIT_FILLERS]
        return self._names.get(" ".join(rest)) if rest else None

    def _scan(self, piece: str, *, at_start: bool = False) -> Iterator[_Name]:
        """The agencies named anywhere in the words, or only by the first of them."""
        words = _words(piece)
        at = 0
        while at < (min(1, len(words)) if at_start else len(words)):
            for size in range(min(self._longest, len(words) - at), 0, -1):
                name = self._names.get(" ".join(words[at : at + size]))
                if name is not None:
                    yield name
                    at += size - 1
                    break
            at += 1


def _note(found: dict[str, str], codes: Iterable[str], line: str) -> None:
    for code in codes:
        found.setdefault(code, " ".join(line.split()))


def _parts(line: str) -> Iterator[str]:
    """What stands between separators; one after the other, as most lines name somebody else in the first."""
    start = 0
    for separator in _SEPARATORS.finditer(line):
        yield line[start : separator.start()]
        start = separator.end()
    yield line[start:]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace(".", "").casefold())


def _key(name: str) -> str:
    return " ".join(_words(name))


def _unmarked(piece: str) -> str:
    bare = piece.strip(" \u00a0.:-–—")
    while (mark := _CREDIT_MARK.match(bare) or _INFORMATION.match(bare)) is not None:
        bare = bare[mark.end() :].strip(" \u00a0.:-–—")
    return _YEARS.sub("", bare)


def _ends_paragraph(body: str, at: int, sentences: int) -> bool:
    """Whether ``at`` is the end of a paragraph of so many sentences, or of the last one."""
    end = len(body[:at].rstrip())
    paragraph = body[body.rfind("\n", 0, end) + 1 : end]
    return paragraph[-1:] in tuple(_SENTENCE_END) and (
        end >= len(body.rstrip()) or len(re.findall(r"[.!?…](?=[\s\"”»’']|$)", paragraph)) >= sentences
    )
