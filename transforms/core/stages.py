"""The way of one article as pure functions, in order: extract, strip, language, date, tag.

Each takes a draft and gives a new one with its own columns filled. The PTransforms beside this package are their thin
twins, and ``knipsel explain`` calls them one after the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import TypeVar

from schemas.article import Article, Tag
from schemas.copies import replace
from schemas.record import PAGES, Declared, Draft, InputKind, Record
from schemas.reject import Reason, Refused, fingerprint
from transforms.core import access, article_dates, dates, urls
from transforms.core.agencies import AgencyReader
from transforms.core.clutter.recurring import known_since
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import Stripped, restore, stated_headline, strip, strip_again
from transforms.core.date_weights import DATE_ABSURD
from transforms.core.entities import EntityTagger
from transforms.core.extraction import extract_page
from transforms.core.identity import article_id, content_hash
from transforms.core.language import SURE, UNKNOWN, Detector, detect, primary, regional
from transforms.core.metadata import Metadata
from transforms.core.topics import TopicTagger

LOCAL = "local"
"""The source of files for which nothing says who published them."""

LANGUAGE_CONFLICT = "language_conflict"
SHORT_BODY = "short_body"
TRUNCATED = "truncated"
_OF_TEXT = frozenset({LANGUAGE_CONFLICT, SHORT_BODY, TRUNCATED})
# Flags that follow from the clean text.

_SHORT_BODY_CHARS = 200
# Two sentences: below this a text is a stub, a caption or what a paywall left.

_EARLIER_RUNS = 4
# How many steps of learning an article is known across. A frame is learned in one or two.

_FIRST_FETCH = dt.datetime(1991, 8, 6, tzinfo=dt.UTC)
# The first web page.

_CLOCKS_DIFFER = dt.timedelta(hours=48)
# As for publication: zones and clocks that are a day off.

Stage = Callable[[Draft], Draft]
Tagger = Callable[[str | None, str, str], Iterable[Tag]]
T = TypeVar("T")


def extract(record: Record, *, now: dt.datetime, timezones: Mapping[str, str]) -> Draft:
    """The first draft of an article: its text (as ``body``), its metadata and its identity.

    Args:
        record: what was read.
        now: the moment of the run; stands in where the record does not say when it was fetched.
        timezones: the zone of a country, for times that are stated without one.

    Raises:
        Refused: no text, no page, no acceptable address.
    """
    said, outlet = record.declared, record.outlet
    url = urls.checked(said.url) if said.url else None
    page = Metadata()
    flags = record.flags
    if record.html is not None:
        extracted = extract_page(record.html, url=url, charset=record.charset)
        page, text = extracted.metadata, extracted.text
        flags += tuple(f for f in extracted.flags if f not in flags)
    else:
        text = record.text or ""
    if not text.strip() and not said.title:
        raise Refused(Reason.EMPTY, "there is no text in it")

    fetched = _fetched(said, now)
    if said.fetched_at is not None and fetched is None:
        flags += (DATE_ABSURD,)
    canonical = page.canonical_url or (urls.canonical(url) if url else None)
    if canonical is not None and url is None:
        url = canonical
    host = urls.host(canonical) if canonical else None
    source_id = outlet.source_id or host or LOCAL
    # A feed cuts titles short, puts kickers before them and names the outlet as author: its pages know better.
    stated = _later if record.kind in (InputKind.PAGE, InputKind.WARC) else _earlier
    article = Article(
        article_id=article_id(
            url=urls.canonical(canonical) if canonical else None, source_id=source_id, record=record.record
        ),
        source_id=source_id,
        source_name=outlet.name or page.site_name,
        input_kind=record.kind,
        input_ref=record.ref,
        fetched_at=fetched or now,
        url=url,
        canonical_url=canonical,
        host=host,
        feed_url=outlet.feed_url,
        guid=said.guid,
        headline=stated(said.title, page.headline),
        description=stated(said.description, page.description),
        body=text,
        authors=stated(said.authors, page.authors),
        section=stated(said.section, page.section) or outlet.section,
        keywords=stated(said.keywords, page.keywords),
        language_declared=said.language or page.language_declared or outlet.language,
        access=page.access,
        quality_flags=flags,
    )
    languages = (said.language, page.language_declared, outlet.language)
    hints = article_dates.hints_for(outlet, host, languages, timezones, fetched)
    article = article_dates.dated(article, said, page, hints, now)
    country = article_dates.country_of(outlet, host, languages, timezones)
    return Draft(article, fingerprint(record.raw), len(record.raw), page.agency_claim, country)


def _earlier(one: T, other: T) -> T:
    return one or other


def _later(one: T, other: T) -> T:
    return other or one


def _fetched(said: Declared, now: dt.datetime) -> dt.datetime | None:
    """When the record says that it was fetched, if that can be."""
    moment = _utc(said.fetched_at) if said.fetched_at else None
    return moment if moment is not None and _FIRST_FETCH <= moment <= now + _CLOCKS_DIFFER else None


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def strip_clutter(draft: Draft, *, book: RuleBook, furniture: Mapping[str, Mapping[str, int]] | None = None) -> Draft:
    """The draft with its clutter cut, its headline told from its body, and the hash of what is left.

    What the cuts say is kept: ``truncated`` among the flags, and ``access`` where nothing stated it.

    Args:
        draft: as it was extracted; where it has a ``before``, what an earlier capture does not have is suspect.
        book: the rules.
        furniture: by ``source_id`` the keys of lines that recur, each with the run that found it so.

    Raises:
        Refused: ``ONLY_CLUTTER`` where the text was not empty and nothing of it is left.
    """
    article = draft.article
    known = (furniture or {}).get(article.source_id, {})
    stripped, runs = _stripped(article, draft.before, book, known)
    if article.body.strip() and not stripped.body and not stripped.headline:
        raise Refused(Reason.ONLY_CLUTTER, "nothing is left once the clutter is cut")
    flags = article.quality_flags
    if len(stripped.body) < _SHORT_BODY_CHARS:
        flags += (SHORT_BODY,)
    if access.breaks_off(stripped.body, stripped.removed):
        flags += (TRUNCATED,)
    return replace(
        draft,
        article=replace(
            article,
            headline=stripped.headline,
            body=stripped.body,
            body_chars=len(stripped.body),
            removed=stripped.removed,
            clutter_ratio=stripped.clutter_ratio,
            access=access.shown(stripped.body, stripped.removed, article.access),
            content_hash=content_hash(stripped.headline, stripped.body),
            quality_flags=flags,
        ),
        earlier_hashes=_earlier_hashes(article, draft.before, book, known, runs),
    )


def as_extracted(draft: Draft, before: bytes) -> Draft:
    """The draft as it was before stripping, with what an earlier capture told (``strip.told``)."""
    article = draft.article
    return replace(
        draft,
        article=replace(
            article,
            headline=stated_headline(article.headline, article.removed),
            body=restore(article.body, article.removed),
            removed=(),
            quality_flags=tuple(flag for flag in article.quality_flags if flag not in _OF_TEXT),
        ),
        earlier_hashes=(),
        before=before,
    )


def _stripped(
    article: Article, before: bytes | None, book: RuleBook, known: Mapping[str, int]
) -> tuple[Stripped, tuple[int, ...]]:
    """The article stripped, and the runs that found the ``known`` lines in it to be furniture, in order."""
    # Stripping asks for the same lines in each of its passes.
    asked: dict[str, int | None] = {}

    def recurring(form: str) -> bool:
        if form not in asked:
            asked[form] = known_since(known, form)
        return asked[form] is not None

    stripped = (strip if before is None else partial(strip_again, before=before))(
        article.body,
        book,
        headline=article.headline,
        host=article.host,
        source_id=article.source_id,
        extracted=article.input_kind in PAGES,
        recurring=recurring if known else None,
    )
    return stripped, tuple(sorted({run for run in asked.values() if run is not None}))


def _earlier_hashes(
    article: Article, before: bytes | None, book: RuleBook, known: Mapping[str, int], runs: Sequence[int]
) -> tuple[str, ...]:
    """The hashes of the text before each of the ``runs``, when some or none of its lines were known to recur.

    By these an article that was written then is known again: otherwise every article that is read a second time
    would become a new version of itself as soon as the footer of its outlet is known.
    """
    hashes = []
    for run in runs[-_EARLIER_RUNS:]:
        stripped, _ = _stripped(article, before, book, {key: found for key, found in known.items() if found < run})
        hashes.append(content_hash(stripped.headline, stripped.body))
    return tuple(hashes)


def detect_language(
    draft: Draft, *, detector: Detector, max_chars: int, min_letters: int, expected: Set[str] = frozenset()
) -> Draft:
    """The draft with the language of its clean text; a body too short to tell is helped by the headline.

    What is declared adds the region to the same language; it and what is expected weigh where the detector hesitates.
    """
    article = draft.article
    tell = partial(
        detect,
        detector=detector,
        max_chars=max_chars,
        min_letters=min_letters,
        expected=expected,
        declared=article.language_declared,
    )
    language, score = tell(article.body)
    if (language, score) == UNKNOWN and article.headline:
        language, score = tell(f"{article.headline}\n{article.body}")
    flags = article.quality_flags
    declared = article.language_declared
    if declared and score >= SURE and primary(language) != primary(declared):
        flags += (LANGUAGE_CONFLICT,)
    language = regional(language, declared)
    return replace(draft, article=replace(article, language=language, language_score=score, quality_flags=flags))


def date_article(draft: Draft, *, now: dt.datetime) -> Draft:
    """The draft with the day it is filed under: published, else modified, else fetched; and why.

    The marker at the start of the text, and the day in its dateline, are read here.
    """
    return replace(draft, article=article_dates.filed(draft.article, now))


def tag_article(
    draft: Draft,
    *,
    tagger: TopicTagger,
    agencies: AgencyReader,
    entities: EntityTagger,
    others: Sequence[Tagger] = (),
) -> Draft:
    """The draft with the agency whose copy it is, the place of its dateline, and its tags.

    Args:
        draft: with its clean text and its language.
        tagger: of topics.
        agencies: of agency copy.
        entities: of places, organisations and persons.
        others: taggers that other packages bring along.
    """
    article = draft.article
    copy = agencies.read(body=article.body, removed=article.removed, authors=article.authors, claims=draft.claims)
    topics = tagger.tag(
        headline=article.headline,
        body=article.body,
        language=article.language,
        section=article.section,
        keywords=article.keywords,
    )
    names = entities.tag(
        headline=article.headline,
        body=article.body,
        language=article.language,
        country=draft.country,
        dateline=copy.place,
    )
    more = (tag for other in others for tag in other(article.headline, article.body, article.language))
    return replace(
        draft,
        article=replace(
            article,
            agency=copy.column,
            agency_evidence=copy.evidence,
            dateline_place=copy.place,
            tags=(*topics, *names, *more),
        ),
    )


def event_time(record: Record, now: dt.datetime) -> dt.datetime:
    """When the record happened as far as reading tells: published if it says so, else fetched, else ``now``."""
    if record.declared.published:
        stated = dates.read_date(record.declared.published, evidence="record", timezone=record.outlet.timezone)
        if stated is not None and dates.plausible(stated, now):
            day = dates.folder_day(stated)
            if stated.instant is not None or day is not None:
                return stated.instant or dt.datetime.combine(day or now.date(), dt.time(), dt.UTC)
    return _fetched(record.declared, now) or now
