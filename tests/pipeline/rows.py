"""Valid rows, newly made: what the stages before the ledger would hand it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.ledger import Counts, Ledger
from schemas.article import ARTICLES, Article, Cut, Tag
from schemas.reject import REJECTS, Reason, Reject, fingerprint
from transforms.parquet import StagedFile, stage_rows
from transforms.storage import DISK, Storage

NOW = dt.datetime(2026, 11, 20, 6, 30, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 19)
OTHER_DAY = dt.date(2026, 11, 20)
ARTICLE_ORDER = ("article_id", "version")
REJECT_ORDER = ("input_ref", "code")


def article(number: int, run_id: str, *, day: dt.date = DAY, version: int = 1, text: str = "") -> Article:
    """Article ``number`` of the harbour of Oudewal, which is nowhere."""
    body = text or f"The ferry to Oudewal was late for the {number}th time.\n\nNobody on the quay was surprised."
    return Article(
        article_id=f"{number:016x}",
        version=version,
        content_hash=fingerprint(body.encode()),
        url=f"https://oudewal.example/news/{number}",
        host="oudewal.example",
        source_id="oudewal",
        input_kind="jsonl",
        input_ref=f"oudewal.jsonl#{number}",
        headline=f"Ferry late again ({number})",
        body=body,
        body_chars=len(body),
        removed=(Cut(0, 9, "teaser", "en-read-more", "Read more"),),
        clutter_ratio=0.1,
        authors=("M. de Wit",),
        keywords=("ferry", "harbour"),
        partition_date=day,
        date_basis="published",
        published_at=dt.datetime(day.year, day.month, day.day, 7, number % 60, tzinfo=dt.UTC),
        published_date=day,
        date_precision="minute",
        fetched_at=NOW,
        ingested_at=NOW,
        language="en",
        language_score=0.99,
        tags=(Tag("medtop", "20000763", "transport", 0.8, "ferry, quay"),),
        run_id=run_id,
        config_hash="c0ffee",
        rules_version="1",
    )


def reject(number: int, run_id: str, *, code: Reason = Reason.EMPTY) -> Reject:
    """Dead letter ``number``."""
    return Reject(
        stage="extract",
        code=code,
        input_ref=f"oudewal.jsonl#{number}",
        message="there is no text in it at all",
        raw_sha256=fingerprint(b""),
        raw_bytes=0,
        run_id=run_id,
        rejected_at=NOW,
    )


def stage_articles(
    folder: Path, name: str, articles: Sequence[Article], day: dt.date = DAY, storage: Storage = DISK
) -> StagedFile:
    rows: list[dict[str, Any]] = [item.row() for item in articles]
    return stage_rows(folder, name, rows, ARTICLES, ARTICLE_ORDER, date=day, storage=storage)


def stage_rejects(folder: Path, name: str, rejects: Sequence[Reject], storage: Storage = DISK) -> StagedFile:
    rows: list[dict[str, Any]] = [item.row() for item in rejects]
    return stage_rows(folder, name, rows, REJECTS, REJECT_ORDER, date=NOW.date(), storage=storage)


def commit_run(
    ledger: Ledger,
    numbers: Sequence[int],
    *,
    storage: Storage = DISK,
    now: dt.datetime = NOW,
    version: int = 1,
) -> int:
    """A whole run: articles ``numbers``, even ones on one day and odd ones on the next, and one dead letter.

    The state says which article was the last, so it must move together with the articles.
    """
    run_id = ledger.next_run_id(now)
    folder = ledger.staging(run_id)
    files = []
    for part, day in enumerate((DAY, OTHER_DAY)):
        chosen = [article(number, run_id, day=day, version=version) for number in numbers if number % 2 == part]
        if chosen:
            files.append(stage_articles(folder, f"{run_id}-{part}.parquet", chosen, day, storage))
    files.append(stage_rejects(folder, f"{run_id}-2.parquet", [reject(max(numbers), run_id)], storage))
    return ledger.commit(
        run_id,
        files,
        {"last": max(numbers)},
        Counts(len(numbers) + 1, len(numbers), 0, 0, 1, {"EMPTY": 1}),
        config_hash="c0ffee",
        inputs=["oudewal.jsonl"],
        now=now,
    )
