"""``knipsel stats``: a data set in figures, as a whole or by outlet, language, topic and so on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pipeline import deltalog
from pipeline.show import Only, deliver, opened, streamed
from pipeline.tabular import Format, Rows
from schemas.reject import FILTERED

GROUPS: Mapping[str, str] = {
    "outlet": "source_id",
    "language": "language",
    "topic": "topic",
    "agency": "agency",
    "date": "date",
    "access": "access",
    "kind": "input_kind",
}
"""By what articles can be counted, and the column that says it."""

_WITH_LETTERS = frozenset({"outlet", "date"})
"""The groups that dead letters have too."""

SHOWN = 50
"""Groups that people are shown where they do not say how many."""

# An article stands once for each of its topics, and one without any once under none.
_TOPICS = """(
    select * exclude (tags),
           unnest(coalesce(nullif([t.label for t in tags if t.scheme = 'medtop'], []), [null])) as topic
    from articles
)"""
_FIGURES = """
count(distinct article_id) as articles, count(*) as versions, count(duplicate_of) as copies,
round(cast(median(clutter_ratio) as double), 4) as clutter, cast(median(body_chars) as bigint) as chars
"""
_CODES = "map(list(code order by code), list(letters order by code))"
_NO_CODES = "map([]::varchar[], []::bigint[])"
_ORDER = {"date": '"date" desc'}


def _by(group: str) -> str:
    key = GROUPS[group]
    order = _ORDER.get(group, f'articles desc, "{group}" nulls last')
    counted = f"""
        select {key} as "{group}", {_FIGURES} from {_TOPICS if group == "topic" else "articles"} group by 1
    """  # noqa: S608 - a group is one of GROUPS
    if group not in _WITH_LETTERS:
        return f"{counted} order by {order}"
    return f"""
        with counted as ({counted}), letters as (
            select "{group}", {_CODES} as codes
            from (select {key} as "{group}", code, count(*) as letters from rejects group by all) group by 1
        )
        select "{group}", coalesce(articles, 0) as articles, coalesce(versions, 0) as versions,
               coalesce(copies, 0) as copies, clutter, chars,
               coalesce(codes, {_NO_CODES}) as codes
        from counted full join letters using ("{group}") order by {order}
    """  # noqa: S608 - as above


_WHOLE = f"""
with letters as (select code, count(*) as letters from rejects group by 1)
select *, $duplicates::bigint as duplicates,
       (select coalesce(sum(letters), 0)::bigint from letters where code in $filtered) as filtered,
       (select coalesce(sum(letters), 0)::bigint from letters where code not in $filtered) as rejected,
       (select coalesce({_CODES}, {_NO_CODES}) from letters) as codes
from (
    select count(distinct source_id) as outlets, min(date) as first, max(date) as last, {_FIGURES} from articles
)
"""  # noqa: S608 - as above


@contextmanager
def figures(
    root: Path, by: str | None = None, *, since: dt.date | None = None, until: dt.date | None = None
) -> Iterator[Rows]:
    """The figures: a row for each group, the largest first and of days the latest, or one row for the whole.

    Its columns are the group, the ``articles`` and their ``versions``, how many of these are ``copies`` of another
    article, the median share of ``clutter`` (0 to 1) and the median length in ``chars``; by outlet, by day and as a
    whole also the dead letters by ``codes``; as a whole besides the ``outlets``, the ``first`` and the ``last`` day,
    and what was read and not written: ``duplicates``, ``filtered`` and ``rejected``.

    Args:
        root: of the data set.
        by: one of ``GROUPS``; ``None``: the whole.
        since: the first day: of articles that they are filed under, of all else that of the run.
        until: the last day.

    Raises:
        ShowError: there is no data set, or a file of it is damaged.
        LedgerError: the log is damaged.
    """
    with opened(root, Only(since, until)) as connection:
        if by is not None:
            yield streamed(connection.sql(_by(by)))
            return
        books = {"duplicates": _duplicates(root, since, until), "filtered": sorted(FILTERED)}
        yield streamed(connection.sql(_WHOLE, params=books))


def _duplicates(root: Path, since: dt.date | None, until: dt.date | None) -> int:
    """How many known articles the runs of these days have read again."""
    return sum(
        entry.record.counts.duplicate
        for entry in deltalog.read_log(root)
        if entry.record is not None
        and (since or dt.date.min) <= _day(entry.record.committed_at) <= (until or dt.date.max)
    )


def _day(milliseconds: int) -> dt.date:
    return (dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)).date()


def stats(
    root: Path,
    console: Console,
    *,
    by: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    limit: int | None = None,
    form: Format = Format.TABLE,
    output: Path | None = None,
) -> None:
    """What ``knipsel stats`` prints or writes; see ``figures`` and ``show.answer``.

    Raises:
        ShowError: there is no data set, or the figures cannot be written so.
        LedgerError: the log is damaged.
    """
    if limit is None and form is Format.TABLE:
        limit = SHOWN
    with figures(root, by, since=since, until=until) as rows:
        deliver(root, rows, console, form=form, output=output, limit=limit)
