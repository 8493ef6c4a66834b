"""Which places, organisations and persons an article names, by gazetteer and by the words around each name.

Lists of names and no model, so that every tag can show the words that it rests on. The text is cut into words once;
each is looked up as the beginning of a name. What a name means is then judged by what stands beside it, near it and
elsewhere in the article (``transforms.core.mentions``); a name that remains doubtful gives no tag.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from schemas.article import Tag
from schemas.gazetteer import Gazetteer
from transforms.core.beside import Cues
from transforms.core.gazetteer import LANGUAGES, Entity, Index, Names
from transforms.core.mentions import Mention, Reader
from transforms.core.words import MAX_BODY_CHARS, words_in

MAX_HEADLINE_CHARS = 2_000
"""Bound on the headline; real ones have a tenth of that."""

LEDE_MIN_CHARS, LEDE_MAX_CHARS = 150, 600
"""The lede ends at the first line break beyond 150 characters, at 600 characters at the latest."""

HEADLINE_FACTOR, LEDE_FACTOR, BODY_FACTOR = 3.0, 2.0, 1.0
"""What a mention counts, by where it stands."""

DERIVED_WEIGHT = 0.5
"""An adjective counts half of a name: "the Russian president" is less about Russia than "Russia" is."""

BODY_FULL_WORDS = 150
"""Up to here words count in full, beyond it by sqrt(150 / words): long texts name more things in passing."""

MIN_POINTS = 0.5
"""A tag needs this: one name in a body of up to 600 words, or one adjective in its lede."""

HALF_SCORE_POINTS = 3.0
"""The points at which the score is 0.5: one mention in the headline."""

MAX_TAGS = 12
"""As many tags of one scheme are given, the strongest first."""

MAX_EVIDENCE_FORMS = 6
"""The evidence names this many forms at most, the weightiest first."""

SCHEMES = ("place", "organisation", "person")

_Form = tuple[str, bool]
# How a name is written, and whether it is an adjective or an inhabitant.


class EntityTagger:
    """Tags articles with what they name, in the languages of the gazetteer.

    **Points.** Each form of a name counts 1, an adjective or inhabitant 0.5; times 3 in the headline, 2 in the lede
    and 1 in the rest of the body, where long texts count less (``BODY_FULL_WORDS``); the n-th mention in one of these
    adds less and less (``log2(1 + n)``).

    **Acceptance.** An entity is given from 0.5 points on, if at least one of its mentions is sure. So a country named
    once in a long body is a weak tag, and an adjective alone there is none. At most twelve of a scheme are given.

    **Score.** ``1 - 2 ** (-points / 3)``: 0.5 for one mention in the headline, 0.21 for one in a short body. It says
    how prominent the name is and is no probability; ask for 0.3 where passing mentions are not wanted.

    **Codes.** Of countries ISO 3166-1 alpha-2, of cities "geonames:" and their number there, of organisations and
    persons the Wikidata item or, where the gazetteer has none, a short name of its own.

    Raises ValueError for a gazetteer that is not sound.
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        names = Names(gazetteer)
        self._entities: Sequence[Entity] = names.entities
        self._readers: dict[str, tuple[Index, Reader]] = {
            language: (names.index(language), Reader(names.entities, Cues.of(gazetteer.cues, language), language))
            for language in LANGUAGES
        }

    def tag(
        self,
        *,
        headline: str | None,
        body: str,
        language: str,
        country: str | None = None,
        dateline: str | None = None,
    ) -> tuple[Tag, ...]:
        """The places, then the organisations, then the persons of an article, the most prominent first.

        Args:
            headline: the title, if there is one.
            body: the clean text, without the headline.
            language: BCP 47; without a list of names for it nothing is given.
            country: of the outlet, ISO 3166-1 alpha-2; decides between cities of one name.
            dateline: the place of the dateline; a name that stands there is a place.

        Returns:
            Tags of the schemes "place", "organisation" and "person". The evidence lists the forms found with their
            numbers, the weightiest first.
        """
        found = self._readers.get(language.split("-", 1)[0].lower())
        if found is None:
            return ()
        index, reader = found
        title, text = words_in((headline or "")[:MAX_HEADLINE_CHARS]), words_in(body[:MAX_BODY_CHARS])
        here = words_in((dateline or "")[:MAX_HEADLINE_CHARS])
        mentions = reader.read(
            ((title, index.matches(title)), (text, index.matches(text))),
            country=country,
            dateline=[name for match in index.matches(here) for name in match.names],
        )
        lede = text.before(_lede_end(text.text))
        return self._tags(mentions, lede, len(text.words) - lede)

    def _tags(self, mentions: Iterable[Mention], lede: int, rest: int) -> tuple[Tag, ...]:
        """The tags of what is mentioned in a text of so many words in the lede and in the rest."""
        factors = (HEADLINE_FACTOR, LEDE_FACTOR, BODY_FACTOR * min(1.0, math.sqrt(BODY_FULL_WORDS / max(1, rest))))
        counts: dict[int, dict[_Form, list[int]]] = {}
        for mention in mentions:
            zone = 0 if mention.zone == 0 else 1 if mention.at < lede else 2
            forms = counts.setdefault(mention.target, {})
            forms.setdefault((mention.written, mention.derived), [0, 0, 0])[zone] += 1
        weighed = {
            target: {form: _points(form, zones, factors) for form, zones in forms.items()}
            for target, forms in counts.items()
        }
        by_scheme: dict[str, list[tuple[float, int]]] = {scheme: [] for scheme in SCHEMES}
        for target, by_form in weighed.items():
            points = math.fsum(by_form.values())
            if points >= MIN_POINTS:
                by_scheme[self._entities[target].scheme].append((-points, target))
        return tuple(
            Tag(
                scheme=scheme,
                code=self._entities[target].code,
                label=self._entities[target].label,
                score=round(1 - 2 ** (points / HALF_SCORE_POINTS), 3),
                evidence=_evidence(counts[target], weighed[target]),
            )
            for scheme, given in by_scheme.items()
            for points, target in sorted(given)[:MAX_TAGS]
        )


def _points(form: _Form, zones: Sequence[int], factors: Sequence[float]) -> float:
    weight = DERIVED_WEIGHT if form[1] else 1.0
    return weight * math.fsum(
        factor * math.log2(1 + count) for factor, count in zip(factors, zones, strict=True) if count
    )


def _evidence(forms: Mapping[_Form, Sequence[int]], points: Mapping[_Form, float]) -> str:
    ranked = sorted(forms, key=lambda form: (-points[form], form))
    parts = ((form[0], sum(forms[form])) for form in ranked[:MAX_EVIDENCE_FORMS])
    return ", ".join(written if count == 1 else f"{written} ×{count}" for written, count in parts)


def _lede_end(body: str) -> int:
    start = len(body) - len(body.lstrip())
    line_end = body.find("\n", start + LEDE_MIN_CHARS)
    limit = min(len(body), start + LEDE_MAX_CHARS)
    return line_end if 0 <= line_end <= limit else limit
