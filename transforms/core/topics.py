"""Which topics an article is about: terms weighted by where they stand, and the publisher's own section and keywords.

Dictionaries instead of a model, so that every tag can name the words it rests on. The text is cut into words
once; each word is looked up whole, by its beginnings, its endings and its inside, so the time grows with the
text and hardly with the number of terms. Topics have two levels: what speaks for one of the second level
speaks for its parent too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from schemas.article import Tag
from schemas.tagging import TermFile, TopicFile
from transforms.core.lexicon import Lexicon, Pattern, parse_term, words_of
from transforms.core.words import MAX_BODY_CHARS, words_in

MAX_SHORT_CHARS = 2_000
"""Bound on the headline and on all keywords together; real ones have a tenth of that."""

LEDE_MIN_CHARS, LEDE_MAX_CHARS = 150, 600
"""The lede ends at the first line break beyond 150 characters (so that a headline or standfirst above it
belongs to it), and at 600 characters at the latest."""

SECTION_POINTS = 12.0
"""The publisher's section outweighs the strongest single term in the headline (3 × 3 = 9)."""

KEYWORD_POINTS = 9.0
"""A keyword that is the name of a section counts as a strong term in the headline does: it suffices alone."""

MAX_KEYWORD_TOPICS = 3
"""Keywords that name the sections of more top-level topics are the outlet's, the same on all of its pages."""

HEADLINE_FACTOR, LEDE_FACTOR, KEYWORD_FACTOR, BODY_FACTOR = 3.0, 2.0, 2.0, 1.0
"""The weight of a term is multiplied by one of these, by where it stands."""

BODY_FULL_WORDS = 150
"""Up to here words count in full, beyond it by sqrt(150 / words): long texts hold more stray terms."""

MIN_POINTS = 9.0
"""A tag needs this: one strong term in the headline, one beside a plain one in the lede, or several in the body."""

MIN_SHARE = 0.6
"""A tag needs this share of the points of the strongest topic of its level; else it is a side remark. With a
third instead, headlines with their ledes (``benchmarks/topics_score.py``) lose 0.02 of precision and gain no recall;
whole articles lose more."""

MAX_TAGS = 4
"""More topics than this of one level are no information."""

HALF_SCORE_POINTS = 8.0
"""The points at which the score is 0.5: four plain terms of a body, or one with two of them in the lede."""

MAX_EVIDENCE_TERMS = 8
"""The evidence names this many terms at most, the weightiest first."""

STRONG, MAX_WEIGHT = 3, 3
"""A strong term suffices alone; there is no heavier one."""

PLAIN = 2
"""Among several terms one must have this weight: lighter ones stand in texts about anything."""

_SECTION_PARTS = re.compile(r"[/>|»›;,]|\s[-–—]\s")
_SECTION_JOINS = re.compile(r"\s(?:en|et|und|and|&|\+)\s")
_JOINERS = frozenset({"en", "et", "und", "and"})


class _Hit(NamedTuple):
    """A term in one place of an article: headline, lede, keywords or the rest.

    Attributes:
        term: what is shown of it.
        weight: of the term.
        points: what it counts there.
        times: how often it stands there.
        prominent: whether once is enough there for a strong term.
    """

    term: str
    weight: int
    points: float
    times: int
    prominent: bool


class TopicTagger:
    """Tags articles with the topics of a vocabulary that ``check_vocabulary`` has passed.

    **Points.** A term counts its weight (1 to 3), times 3 in the headline, 2 in the lede or among the
    publisher's keywords and 1 in the rest of the body, where long texts count less (``BODY_FULL_WORDS``); the
    n-th occurrence in one place adds less and less (``log2(1 + n)``). A section whose name stands for a topic
    adds 12, a keyword that is such a name 9. What a topic of the second level gets, its parent gets as well.

    **Acceptance.** A topic is given if the section says so; or if one strong term speaks for it (weight 3, in
    headline, lede or keywords, or twice in the body), or two different ones of which one has weight 2, with 9
    points or more and at least 0.6 of what the strongest topic of its level has. At most four are given of
    each level, and of the second only such as belong to one that is given.

    **Score.** ``1 - 2 ** (-points / 8)``: 0.5 at 8 points, 0.65 for the section alone. It says how much
    evidence there is and is no probability.
    """

    def __init__(self, topics: TopicFile, terms: Iterable[TermFile]) -> None:
        self._scheme = topics.scheme
        self._topics = topics.topic
        index = {topic.code: at for at, topic in enumerate(topics.topic)}
        self._tops = tuple(index[topic.parent or topic.code] for topic in topics.topic)
        self._terms = {
            file.language: [(index[code], weights) for code, weights in file.terms.items()] for file in terms
        }
        self._lexicons: dict[str, Lexicon] = {}
        self._sections = {
            language: {_section_key(name): index[code] for code, names in codes.items() for name in names}
            for language, codes in topics.sections.items()
        }

    def tag(
        self, *, headline: str | None, body: str, language: str, section: str | None, keywords: Sequence[str]
    ) -> tuple[Tag, ...]:
        """The topics of an article, then its section as the publisher names it.

        Args:
            headline: the title, if there is one.
            body: the clean text, without the headline.
            language: BCP 47; where there is no vocabulary for it, only section and keywords can give a topic.
            section: the publisher's own section, also as a path ("nieuws/sport").
            keywords: the publisher's own keywords.

        Returns:
            Tags of the scheme "medtop", those of the top level first, the strongest first in each level; and
            one of the scheme "source-section" if the section has a name. Empty where nothing is sure enough.
            The evidence lists the terms found, the weightiest first.
        """
        primary = language.split("-", 1)[0].lower()
        named, others = self._split_keywords(keywords, primary)
        found: dict[int, list[_Hit]] = {}
        lexicon = self._lexicon(primary)
        if lexicon is not None:
            found = _weigh(lexicon, headline or "", body[:MAX_BODY_CHARS], others)
        for keyword, topic in named.items():
            for each in {topic, self._tops[topic]}:
                hit = _Hit(f"keyword {keyword}", STRONG, KEYWORD_POINTS, 1, prominent=True)
                found.setdefault(each, []).append(hit)
        by_section = self._topics_of_section(section, primary)
        totals = {topic: math.fsum([hit.points for hit in hits]) for topic, hits in found.items()}
        for topic in by_section:
            totals[topic] = totals.get(topic, 0.0) + SECTION_POINTS
        tops = _accept({topic: at for topic, at in totals.items() if self._tops[topic] == topic}, found, by_section)
        below = {
            topic: at for topic, at in totals.items() if self._tops[topic] != topic and self._tops[topic] in tops
        }
        tags = [
            Tag(
                scheme=self._scheme,
                code=self._topics[topic].code,
                label=self._topics[topic].label,
                score=round(1 - 2 ** (-totals[topic] / HALF_SCORE_POINTS), 3),
                evidence=_describe(found.get(topic, ()), section if topic in by_section else None),
            )
            for topic in (*tops, *_accept(below, found, by_section))
        ]
        return (*tags, *_section_tag(section))

    def _lexicon(self, language: str) -> Lexicon | None:
        """The terms of a language; made when its first article comes, as most runs see one or two languages."""
        if language in self._terms and language not in self._lexicons:
            self._lexicons[language] = Lexicon(
                (topic, self._tops[topic], weight, term)
                for topic, weights in self._terms[language]
                for weight, listed in weights.items()
                for term in listed
            )
        return self._lexicons.get(language)

    def _topics_of_section(self, section: str | None, language: str) -> frozenset[int]:
        if not section:
            return frozenset()
        own = self._sections.get(language, {})
        others = [names for other, names in sorted(self._sections.items()) if other != language]
        text = section[:MAX_SHORT_CHARS]
        parts = _SECTION_PARTS.split(text)
        for pieces in (
            [text],
            parts,
            [piece for part in parts for piece in _SECTION_JOINS.split(part.casefold())],
        ):
            keys = [_section_key(piece) for piece in pieces]
            # The article's language first; Dutch papers do name a section "Sport" or "Lifestyle" in English.
            for names in (own, *others):
                topics = frozenset(names[key] for key in keys if key in names)
                if topics:
                    return topics | {self._tops[topic] for topic in topics}
        return frozenset()

    def _split_keywords(self, keywords: Sequence[str], language: str) -> tuple[dict[str, int], list[str]]:
        """The keywords that are names of sections, with their topics, and the rest."""
        names = self._sections.get(language, {})
        named: dict[str, int] = {}
        rest: list[str] = []
        left = MAX_SHORT_CHARS
        for keyword in keywords:
            left -= len(keyword)
            if left < 0:
                break
            topic = names.get(_section_key(keyword))
            if topic is None:
                rest.append(keyword)
            else:
                named.setdefault(" ".join(keyword.split()), topic)
        if len({self._tops[topic] for topic in named.values()}) > MAX_KEYWORD_TOPICS:
            return {}, rest
        return named, rest


def _accept(totals: Mapping[int, float], found: Mapping[int, Sequence[_Hit]], sure: Set[int]) -> list[int]:
    """The topics of one level that are given, the strongest first."""
    floor = max(MIN_POINTS, MIN_SHARE * max(totals.values(), default=0.0))
    given = [
        topic for topic, points in totals.items() if topic in sure or (points >= floor and _suffices(found[topic]))
    ]
    return sorted(given, key=lambda topic: (-totals[topic], topic))[:MAX_TAGS]


def _suffices(hits: Sequence[_Hit]) -> bool:
    """Whether one term is strong enough by itself, or one of several plain."""
    if any(hit.weight >= STRONG and (hit.prominent or hit.times > 1) for hit in hits):
        return True
    return any(hit.weight >= PLAIN for hit in hits) and len({hit.term for hit in hits}) > 1


def _weigh(lexicon: Lexicon, headline: str, body: str, keywords: Sequence[str]) -> dict[int, list[_Hit]]:
    text = words_in(body)
    lede = text.before(_lede_end(text.text))
    body_factor = BODY_FACTOR * min(1.0, math.sqrt(BODY_FULL_WORDS / max(1, len(text.words) - lede)))
    zones = (
        (words_in(headline[:MAX_SHORT_CHARS]).words, HEADLINE_FACTOR, True),
        (text.words[:lede], LEDE_FACTOR, True),
        (words_in(" , ".join(keywords)[:MAX_SHORT_CHARS]).words, KEYWORD_FACTOR, True),
        (text.words[lede:], body_factor, False),
    )
    found: dict[int, list[_Hit]] = {}
    for words, factor, prominent in zones:
        for entry, count in lexicon.count(words).items():
            if entry.weight:
                # Doubling the occurrences adds one share: a word repeated all through is still one word.
                points = entry.weight * factor * math.log2(1 + count)
                hit = _Hit(entry.term, entry.weight, points, count, prominent)
                found.setdefault(entry.topic, []).append(hit)
                if entry.family != entry.topic:
                    found.setdefault(entry.family, []).append(hit)
    return found


def _lede_end(body: str) -> int:
    start = len(body) - len(body.lstrip())
    line_end = body.find("\n", start + LEDE_MIN_CHARS)
    limit = start + LEDE_MAX_CHARS
    if 0 <= line_end <= limit:
        return line_end
    if len(body) <= limit:
        return len(body)
    word_end = body.rfind(" ", start, limit)
    return word_end if word_end > start else limit


def _section_key(name: str) -> str:
    return " ".join(word for word in words_of(name) if word not in _JOINERS)


def _section_tag(section: str | None) -> tuple[Tag, ...]:
    label = " ".join((section or "")[:MAX_SHORT_CHARS].split())
    code = "-".join(words_of(label))
    return (Tag("source-section", code, label, 1.0, label),) if code else ()


def _describe(hits: Iterable[_Hit], section: str | None) -> str:
    points: dict[str, float] = {}
    counts: dict[str, int] = {}
    for hit in hits:
        points[hit.term] = points.get(hit.term, 0.0) + hit.points
        counts[hit.term] = counts.get(hit.term, 0) + hit.times
    parts = [] if section is None else [f"section {' '.join(section.split())}"]
    terms = sorted(points, key=lambda term: (-points[term], term))[:MAX_EVIDENCE_TERMS]
    parts += [term if counts[term] == 1 else f"{term} ×{counts[term]}" for term in terms]
    return ", ".join(parts)


def check_vocabulary(topics: tuple[str, TopicFile], terms: Iterable[tuple[str, TermFile]]) -> None:
    """Hold the vocabularies against each other; each comes with the name of its file.

    Raises:
        ValueError: one line with the file and the entry: an unknown or doubled code, a topic whose parent is not
            listed or has a parent itself, a section name that is empty or given twice, two files of one language,
            a weight outside 0..3, a term that is empty, malformed or given twice for a topic or for it and its
            relatives.
    """
    name, file = topics
    parents: dict[str, str | None] = {}
    for topic in file.topic:
        if topic.code in parents:
            raise ValueError(f"{name}: topic {topic.code} is given twice")
        parents[topic.code] = topic.parent
    for code, parent in parents.items():
        if parent is not None and parents.get(parent, parent) is not None:
            wrong = "is no topic of the top level" if parent in parents else "is not listed"
            raise ValueError(f"{name}: topic {code}: its parent {parent} {wrong}")
    for language, sections in file.sections.items():
        _check_sections(f"{name}: sections.{language}", sections, parents.keys())
    languages: dict[str, str] = {}
    for term_name, term_file in terms:
        if term_file.language in languages:
            earlier = languages[term_file.language]
            raise ValueError(f"{term_name}: language {term_file.language!r} is already given by {earlier}")
        languages[term_file.language] = term_name
        families: dict[str, dict[Pattern, str]] = {}
        for code, weights in term_file.terms.items():
            if code not in parents:
                raise ValueError(f"{term_name}: terms.{code}: unknown topic code")
            seen = families.setdefault(parents[code] or code, {})
            _check_terms(f"{term_name}: terms.{code}", code, weights, seen)


def _check_sections(where: str, sections: Mapping[str, Sequence[str]], codes: Set[str]) -> None:
    seen: dict[str, str] = {}
    for code, names in sections.items():
        if code not in codes:
            raise ValueError(f"{where}.{code}: unknown topic code")
        for section in names:
            key = _section_key(section)
            if not key:
                raise ValueError(f"{where}.{code}: section name {section!r} is empty")
            if key in seen:
                raise ValueError(f"{where}.{code}: section name {section!r} already stands for {seen[key]}")
            seen[key] = code


def _check_terms(where: str, code: str, weights: Mapping[int, Sequence[str]], seen: dict[Pattern, str]) -> None:
    for weight, listed in weights.items():
        if not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"{where}.{weight}: the weight lies outside 0..{MAX_WEIGHT}")
        for term in listed:
            try:
                pattern = parse_term(term)
            except ValueError as wrong:
                raise ValueError(f"{where}.{weight}: term {term!r} {wrong}") from None
            if pattern in seen:
                elsewhere = "" if seen[pattern] == code else f", also for {seen[pattern]}"
                raise ValueError(f"{where}.{weight}: term {term!r} is given twice{elsewhere}")
            seen[pattern] = code
