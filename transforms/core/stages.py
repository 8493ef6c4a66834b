"""The way of one article as pure functions, in order: extract, strip, language, date, tag.

Each takes a draft and gives a new one with its own columns filled. The PTransforms beside this package are their thin
twins, and ``knipsel explain`` calls them one after the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace

from schemas.article import Article
from schemas.record import Declared, Draft, InputKind, Outlet, Record
from schemas.reject import Reason, Refused, fingerprint
from schemas.rules import CutKind
from transforms.core import dates, urls
from transforms.core.agencies import AgencyReader
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import strip
from transforms.core.extraction import extract_page
from transforms.core.identity import article_id, content_hash
from transforms.core.language import UNKNOWN, Detector, detect
from transforms.core.metadata import Metadata
from transforms.core.topics import TopicTagger

LOCAL = "local"
"""The source of files for which nothing says who published them."""

DATE_ABSURD = "date_absurd"
DATE_UNREAD = "date_unread"
LANGUAGE_CONFLICT = "language_conflict"
SHORT_BODY = "short_body"

_SHORT_BODY_CHARS = 200
# Two sentences: below this a text is a stub, a caption or what a paywall left.

_SURE = 0.9
# Below this the detector itself hesitates, which is no reason to doubt what the page declares.

Stage = Callable[[Draft], Draft]


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

    canonical = page.canonical_url or (urls.canonical(url) if url else None)
    if canonical is not None and url is None:
        url = canonical
    host = urls.host(canonical) if canonical else None
    source_id = outlet.source_id or host or LOCAL
    article = Article(
        article_id=article_id(
            url=urls.canonical(canonical) if canonical else None, source_id=source_id, record=record.record
        ),
        source_id=source_id,
        source_name=outlet.name or page.site_name,
        input_kind=record.kind,
        input_ref=record.ref,
        fetched_at=_utc(said.fetched_at) if said.fetched_at else now,
        url=url,
        canonical_url=canonical,
        host=host,
        feed_url=outlet.feed_url,
        guid=said.guid,
        headline=said.title or page.headline,
        description=said.description or page.description,
        body=text,
        authors=said.authors or page.authors,
        section=said.section or page.section or outlet.section,
        keywords=said.keywords or page.keywords,
        language_declared=said.language or page.language_declared or outlet.language,
        access=page.access,
        quality_flags=flags,
    )
    article = _dated(article, said, page, _timezone(outlet, timezones), now)
    return Draft(article, fingerprint(record.raw), len(record.raw), page.agency_claim)


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _timezone(outlet: Outlet, timezones: Mapping[str, str]) -> str | None:
    return outlet.timezone or timezones.get(outlet.country or "")


def _dated(article: Article, said: Declared, page: Metadata, timezone: str | None, now: dt.datetime) -> Article:
    """The dates that the record or the page states, as far as they can be read and can be true."""
    stated = [
        (said.published, "feed" if article.input_kind == InputKind.FEED else "record"),
        (page.published, page.published_evidence or "page"),
    ]
    flags = list(article.quality_flags)
    for text, evidence in stated:
        if not text:
            continue
        read = dates.read_date(text, evidence=evidence, timezone=timezone)
        if read is not None and dates.plausible(read, now):
            article = _published(article, read)
            break
        flags.append(DATE_UNREAD if read is None else DATE_ABSURD)
    modified = next((m for m in (said.modified, page.modified) if m), None)
    changed = dates.read_date(modified, evidence="modified", timezone=timezone) if modified else None
    if changed is not None and not dates.plausible(changed, now):
        changed = None
        flags.append(DATE_ABSURD)
    return replace(
        article,
        modified_at=changed.instant if changed else None,
        quality_flags=tuple(dict.fromkeys(flags)),
    )


def _published(article: Article, stated: dates.StatedDate) -> Article:
    return replace(
        article,
        published_at=stated.instant,
        published_date=stated.date,
        published_edtf=stated.edtf,
        date_precision=stated.precision,
        date_evidence=stated.evidence,
    )


def strip_clutter(draft: Draft, *, book: RuleBook) -> Draft:
    """The draft with its clutter cut, its headline told from its body, and the hash of what is left.

    Raises:
        Refused: ``ONLY_CLUTTER`` where the text was not empty and nothing of it is left.
    """
    article = draft.article
    stripped = strip(article.body, book, headline=article.headline, host=article.host, source_id=article.source_id)
    if article.body.strip() and not stripped.body and not stripped.headline:
        raise Refused(Reason.ONLY_CLUTTER, "nothing is left once the clutter is cut")
    flags = article.quality_flags
    if len(stripped.body) < _SHORT_BODY_CHARS:
        flags += (SHORT_BODY,)
    return replace(
        draft,
        article=replace(
            article,
            headline=stripped.headline,
            body=stripped.body,
            body_chars=len(stripped.body),
            removed=stripped.removed,
            clutter_ratio=stripped.clutter_ratio,
            content_hash=content_hash(stripped.headline, stripped.body),
            quality_flags=flags,
        ),
    )


def detect_language(draft: Draft, *, detector: Detector, max_chars: int, min_letters: int) -> Draft:
    """The draft with the language of its clean text; a body too short to tell is helped by the headline."""
    article = draft.article
    language, score = detect(article.body, detector, max_chars=max_chars, min_letters=min_letters)
    if (language, score) == UNKNOWN and article.headline:
        language, score = detect(
            f"{article.headline}\n{article.body}", detector, max_chars=max_chars, min_letters=min_letters
        )
    flags = article.quality_flags
    declared = (article.language_declared or "").split("-")[0].lower()
    if declared and score >= _SURE and language.split("-")[0] != declared:
        flags += (LANGUAGE_CONFLICT,)
    return replace(draft, article=replace(article, language=language, language_score=score, quality_flags=flags))


def date_article(draft: Draft, *, now: dt.datetime) -> Draft:
    """The draft with the day it is filed under: published, else modified, else fetched; and why.

    Where record and page state no date, the marker at the start of the text is read.
    """
    article = draft.article
    if article.published_edtf is None:
        for cut in article.removed:
            marker = dates.read_marker(cut.text) if cut.kind == CutKind.DATE_MARKER else None
            if marker is not None and dates.plausible(marker[1], now):
                article = _published(article, marker[1])
    day, basis = article.published_date, "published"
    if day is None and article.date_precision == "month" and article.published_edtf:
        day = dt.date.fromisoformat(f"{article.published_edtf}-01")
    if day is None and article.modified_at is not None:
        day, basis = article.modified_at.date(), "modified"
    if day is None:
        day, basis = article.fetched_at.date(), "fetched"
    return replace(draft, article=replace(article, partition_date=day, date_basis=basis))


def tag_article(draft: Draft, *, tagger: TopicTagger, agencies: AgencyReader) -> Draft:
    """The draft with the agency whose copy it is, the place of its dateline, and its topics."""
    article = draft.article
    copy = agencies.read(body=article.body, removed=article.removed, authors=article.authors, claims=draft.claims)
    tags = tagger.tag(
        headline=article.headline,
        body=article.body,
        language=article.language,
        section=article.section,
        keywords=article.keywords,
    )
    return replace(
        draft,
        article=replace(
            article,
            agency=copy.column,
            agency_evidence=copy.evidence,
            dateline_place=copy.place,
            tags=tags,
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
    return _utc(record.declared.fetched_at) if record.declared.fetched_at else now
