"""The questions that a report puts to the rows of a run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import duckdb

from pipeline.report.history import Command
from pipeline.report.links import followable
from pipeline.report.model import Headline, Letter, Letters, Outlet, Period, Share
from schemas.reject import EXPLAINED, FILTERED
from schemas.rules import NOT_CLUTTER

MOST_OUTLETS = 250
"""Outlets with a row of their own. Each takes some 2 KB of the page, so together they stay far below its 2 MB."""

MOST_LETTERS = 25
"""Dead letters shown of each code: enough to see what they have in common."""

MOST_LATEST = 4
"""Headlines shown of each outlet."""

MOST_PERIODS = 100
"""Columns that can be told apart on a phone: of more days articles are counted by month, of more months by year."""

_CUTS = """
create temp table cuts as
    select file_no, row_no, source_id, cut.kind as kind, cut.rule as rule, cut.start as start,
           cut."end" - cut.start as chars, not list_contains($moved, cut.kind) as clutter
    from (select file_no, row_no, source_id, unnest(removed) as cut from articles)
    where cut."end" > cut.start
"""
_TOPICS = """
create temp table topics as
    select distinct file_no, row_no, tag.label as label
    from (select file_no, row_no, unnest(tags) as tag from articles)
    where tag.scheme = 'medtop' and tag.code like '__000000'
"""
# Codes of the top level of IPTC's Media Topics end in six zeros.

CUT_CHARS = "select coalesce(sum(chars), 0) from cuts where clutter"
UNTAGGED = "select count(*) from articles a anti join topics t on a.file_no = t.file_no and a.row_no = t.row_no"

_OUTLETS = """
with writes as (
    select source_id, min(source_name) as name, count(*) as articles, median(clutter_ratio) as clutter,
           count(*) filter (list_contains(quality_flags, 'short_body') or body_chars = 0) as short,
           count(*) filter (published_edtf is null) as undated,
           count(*) filter (language = 'und') as undetermined,
           count(*) filter (agency is not null) as agency,
           min(partition_date) as first, max(partition_date) as last
    from articles group by 1
), loses as (
    select coalesce(source_id, '') as source_id, count(*) as letters from rejects group by 1
)
select coalesce(writes.source_id, loses.source_id) as source_id, name, coalesce(articles, 0) as articles,
       coalesce(letters, 0) as letters, clutter, coalesce(short, 0) as short, coalesce(undated, 0) as undated,
       coalesce(undetermined, 0) as undetermined, coalesce(agency, 0) as agency, first, last
from writes full join loses on writes.source_id = loses.source_id
order by coalesce(articles, 0) + coalesce(letters, 0) desc, 1
"""
_LATEST = """
select source_id, coalesce(headline, url, input_ref), url, canonical_url, partition_date, language from articles
where list_contains($outlets, source_id)
qualify row_number() over (partition by source_id order by partition_date desc, article_id, version desc) <= $most
order by source_id, partition_date desc, article_id, version desc
"""
_KINDS = "select source_id, kind, sum(chars) from cuts where clutter group by 1, 2"
_CODES = "select coalesce(source_id, ''), code, count(*) from rejects group by 1, 2"
_LANGUAGES = "select source_id, language, count(*) from articles group by 1, 2"
_PERIODS = """
select partition_date, count(*) filter (date_basis = 'published'), count(*) filter (date_basis <> 'published')
from articles group by 1 order by 1
"""
_LETTERS = """
select code, input_ref, url, stage, message, source_id, raw_sha256, raw_bytes from (
    select *, row_number() over (partition by code order by turn, source_id, input_ref, message) as nth from (
        select *, row_number() over (partition by code, source_id order by input_ref, message) as turn from rejects
    )
) where nth <= $most order by code, nth
"""
# In turn from each outlet, so that one which fails altogether does not hide the others.
_EXPLAINED = {str(code): sentence for code, sentence in EXPLAINED.items()}


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """Make the tables ``cuts`` and ``topics`` out of ``articles``."""
    db.execute(_CUTS, {"moved": [str(kind) for kind in NOT_CLUTTER]})
    db.execute(_TOPICS)


def number(db: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that ``sql`` asks for."""
    row = db.execute(sql).fetchone()
    return int(row[0]) if row else 0


def shares(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Share, ...]:
    """Names with their counts as ``sql`` gives them, the most first."""
    return _ranked({name: count for name, count in db.execute(sql).fetchall() if name is not None})


def _ranked(counts: dict[str, int]) -> tuple[Share, ...]:
    return tuple(Share(name, int(n)) for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def outlets(db: duckdb.DuckDBPyConnection) -> tuple[tuple[Outlet, ...], tuple[int, int, int]]:
    """The outlets of which most came, and how many there are beyond, with their articles and dead letters."""
    result = db.execute(_OUTLETS)
    columns = [column[0] for column in result.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    shown, rest = rows[:MOST_OUTLETS], rows[MOST_OUTLETS:]
    latest: dict[str, list[Headline]] = defaultdict(list)
    asked = {"outlets": [row["source_id"] for row in shown], "most": MOST_LATEST}
    for outlet, text, url, canonical, date, language in db.execute(_LATEST, asked).fetchall():
        latest[outlet].append(Headline(text, followable(url) or followable(canonical), date, language))
    kinds, codes, languages = (_by_outlet(db, sql) for sql in (_KINDS, _CODES, _LANGUAGES))
    found = [
        Outlet(
            **row,
            latest=tuple(latest[row["source_id"]]),
            kinds=_ranked(kinds[row["source_id"]]),
            codes=_ranked(codes[row["source_id"]]),
            languages=_ranked(languages[row["source_id"]]),
        )
        for row in shown
    ]
    found.sort(key=lambda one: (-one.articles, -one.letters, one.source_id))
    beyond = len(rest), sum(row["articles"] for row in rest), sum(row["letters"] for row in rest)
    return tuple(found), beyond


def _by_outlet(db: duckdb.DuckDBPyConnection, sql: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for outlet, name, count in db.execute(sql).fetchall():
        found[outlet][name] = count
    return found


def periods(db: duckdb.DuckDBPyConnection) -> tuple[Period, ...]:
    """Articles by the date that they are filed under, by day, month or year."""
    days = db.execute(_PERIODS).fetchall()
    for length in (len("2026-11-20"), len("2026-11"), len("2026")):
        published: Counter[str] = Counter()
        other: Counter[str] = Counter()
        for day, dated, undated in days:
            published[day.isoformat()[:length]] += dated
            other[day.isoformat()[:length]] += undated
        if len(published) <= MOST_PERIODS:
            break
    return tuple(Period(label, published[label], other[label]) for label in published)


def letters(db: duckdb.DuckDBPyConnection, past: Sequence[Command]) -> tuple[Letters, ...]:
    """Dead letters by code, the most first."""
    shown: dict[str, list[Letter]] = defaultdict(list)
    for code, ref, url, *rest in db.execute(_LETTERS, {"most": MOST_LETTERS}).fetchall():
        shown[code].append(Letter(ref, followable(url), *rest))
    before = {code for one in past for code in one.counts.reasons}
    return tuple(
        Letters(
            code=share.name,
            count=share.count,
            filtered=share.name in FILTERED,
            explained=_EXPLAINED.get(share.name, ""),
            new=bool(past) and share.name not in before,
            shown=tuple(shown[share.name]),
        )
        for share in shares(db, "select code, count(*) from rejects group by 1")
    )
