"""The dates of one article: what its sources state is read, weighed, and decides the day it is filed under."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Mapping
from typing import Any

from schemas.article import Article
from schemas.copies import replace
from schemas.record import Declared, InputKind, Outlet
from schemas.rules import CutKind
from transforms.core.date_lines import read_head
from transforms.core.date_values import Hints, StatedDate, apart, folder_day, plausible, refines, span, zone_of
from transforms.core.date_weights import (
    DATE_ABSURD,
    DATE_CONFLICT,
    FAR,
    Candidate,
    Said,
    in_address,
    read_all,
    weigh,
)
from transforms.core.datelines import dateline_day
from transforms.core.dates import read_hinted, read_marker
from transforms.core.metadata import Metadata

_MONTH_FIRST = frozenset({"US", "PH"})
"""Countries that write 06/18/2024 (Unicode CLDR 46, short dates of English)."""

_BOTH_WAYS = frozenset({"CA"})
"""Countries that write the one or the other."""

_DAY_FIRST_LANGUAGES = frozenset({"nl", "fr", "de", "it", "es", "pt", "da", "nb", "no", "pl", "cs"})
"""Languages that write the day first wherever they are spoken; English and Spanish papers of the United States state
their country."""

_TOP_LEVEL = {"UK": "GB"}
"""Domains of countries that are not named by the code of ISO 3166."""

_FOUND = frozenset({"date line of the text", "address", "date line of the page", "htmldate"})
"""Evidence that weighs less than the marker at the head of a text."""

_DATELINES = 2
"""Lines at the head of a body in which the dateline of the article stands."""

_FROM_FEEDS = frozenset({InputKind.FEED, InputKind.PAGE, InputKind.WARC})
"""Inputs of which what is said besides the text was said by a feed; a WARC file has that if it is a recording of
ours, and else nothing."""


def hints_for(
    outlet: Outlet,
    host: str | None,
    languages: Iterable[str | None],
    timezones: Mapping[str, str],
    fetched: dt.datetime | None,
) -> Hints:
    """What is known beside the dates of an article. The zone is the outlet's, else that of its country.

    Args:
        outlet: as it is known before reading.
        host: of the article.
        languages: as they are declared, the most trustworthy first.
        timezones: the zone of a country.
        fetched: when the article was fetched, if anything says so.
    """
    tags = [tag for tag in languages if tag]
    country = country_of(outlet, host, tags, timezones) or ""
    day_first = None
    if country:
        day_first = None if country in _BOTH_WAYS else country not in _MONTH_FIRST
    elif tags and tags[0].split("-")[0].casefold() in _DAY_FIRST_LANGUAGES:
        day_first = True
    return Hints(zone_of(outlet.timezone or timezones.get(country)), day_first, fetched)


def country_of(
    outlet: Outlet, host: str | None, languages: Iterable[str | None], timezones: Container[str]
) -> str | None:
    """The country of an outlet as two capitals, ``None`` where nothing tells it.

    It is the one that is stated; else that of the host's top level, if it is one of ``timezones``; else the region of
    the first of the ``languages`` that has one.
    """
    top = (host or "").rsplit(".", 1)[-1].upper()
    top = _TOP_LEVEL.get(top, top)
    regions = (tag.split("-")[-1] for tag in languages if tag and len(tag.split("-")[-1]) == 2 and "-" in tag)
    return outlet.country or (top if top in timezones else next(regions, "").upper()) or None


def dated(article: Article, said: Declared, page: Metadata, hints: Hints, now: dt.datetime) -> Article:
    """The article with the dates that record, page, address and the head of its text state.

    Args:
        article: with the text as it was read or extracted.
        said: what the record states.
        page: what the page states.
        hints: what is known beside the dates.
        now: the moment of the run; nothing was published or changed much later, nor later than it was fetched.
    """
    latest = min(now, hints.fetched or now)
    head = read_head(article.body, hints)
    record = "feed" if article.input_kind in _FROM_FEEDS else "record"
    told, flags = read_all([Said(said.published, record, firm=True)] if said.published else [], hints, latest)
    of_page, more = read_all(page.published, hints, latest)
    flags += () if told else tuple(flag for flag in more if flag == DATE_ABSURD or not of_page)
    told += of_page
    found = [head.published, in_address(article.url) if article.url else None]
    told += [Candidate(date) for date in found if date is not None and plausible(date, latest)]
    told += read_all(page.searched, hints, latest)[0]
    published, contradicted = weigh(told, hints.zone)
    changes = [Said(text, "modified") for text in (said.modified, *page.modified) if text]
    changed, more = read_all(changes, hints, latest)
    flags += tuple(flag for flag in more if flag == DATE_ABSURD)
    changed += [Candidate(date) for date in [head.modified] if date is not None and plausible(date, latest)]
    modified = changed[0].date if changed else None
    if contradicted or (published and modified and _is_before(modified, published)):
        flags += (DATE_CONFLICT,)
    return replace(
        article,
        modified_at=modified.instant if modified else None,
        quality_flags=tuple(dict.fromkeys((*article.quality_flags, *flags))),
        **_columns(published),
    )


def _is_before(modified: StatedDate, published: StatedDate) -> bool:
    """Whether a text was last changed long before it was published."""
    return span(modified)[1] < span(published)[0] and apart(modified, published) > FAR


def _columns(stated: StatedDate | None) -> dict[str, Any]:
    """A date of publication as it stands in the columns of an article."""
    if stated is None:
        return {}
    return {
        "published_at": stated.instant,
        "published_date": stated.date,
        "published_edtf": stated.edtf,
        "date_precision": stated.precision,
        "date_evidence": stated.evidence,
    }


def filed(article: Article, now: dt.datetime) -> Article:
    """The article with the day it is filed under: published, else modified, else fetched; and why.

    First the marker that was cut off the head of its text is weighed with the date it has, and the dateline may tell
    the day of a month that is known.
    """
    own, flags = _own(article), article.quality_flags
    published = own
    for cut in article.removed:
        marker = read_marker(cut.text) if cut.kind == CutKind.DATE_MARKER else None
        if marker is not None and plausible(marker[1], now):
            weak = own is not None and own.evidence in _FOUND
            candidates = [Candidate(own)] if own is not None else []
            candidates.insert(0 if weak else 1, Candidate(marker[1]))
            published, contradicted = weigh(candidates, dt.UTC)
            flags += (DATE_CONFLICT,) if contradicted and DATE_CONFLICT not in flags else ()
            break
    if published is not None and published.date is None:
        published = _with_dateline(article, published)
    day, basis = folder_day(published) if published else None, "published"
    if day is None and article.modified_at is not None:
        day, basis = article.modified_at.date(), "modified"
    if day is None:
        day, basis = article.fetched_at.date(), "fetched"
    changes = _columns(published) if published is not own else {}
    return replace(article, partition_date=day, date_basis=basis, quality_flags=flags, **changes)


def _own(article: Article) -> StatedDate | None:
    """The date in the columns of an article."""
    if article.published_edtf is None:
        return None
    return StatedDate(
        article.published_edtf,
        article.date_precision or "",
        article.published_date,
        article.published_at,
        article.date_evidence or "",
    )


def _with_dateline(article: Article, coarse: StatedDate) -> StatedDate:
    """A month or a year, or the day in it that the dateline names: "PARIS, 12 mai (AFP) -"."""
    hints = Hints(day_first=True if article.language.split("-")[0] in _DAY_FIRST_LANGUAGES else None)
    for line in article.body.split("\n", _DATELINES)[:_DATELINES]:
        words = dateline_day(line)
        if words is None:
            continue
        year = coarse.edtf[:4]
        for written in (words, f"{words}/{year}" if words[-1].isdigit() and "/" in words else f"{words} {year}"):
            stated = read_hinted(written, hints, evidence="dateline")
            if stated is not None and refines(stated, coarse, dt.UTC):
                return stated
    return coarse
