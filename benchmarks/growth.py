"""How run, show and verify grow with the nights that a data set has seen.

    python -m benchmarks.growth [--nights 1100] [--early 10] [--articles 50] [--root DIR]

Fills a data set night by night through the ledger, as runs would: most of a night's articles under its own day, some
under the day before, a dead letter, and the index of known texts kept up. After ``--early`` and after ``--nights``
nights each command is run three times as a process of its own; printed are the medians of their processor time,
children included, and the ratios. The state that feeds and stories need is that of the few real runs only. A first
``verify`` has to decode everything, as ``--full`` always does; a later one decodes what has come since.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline import checkpoints, deltalog
from pipeline.known_index import known_files
from pipeline.ledger import Counts, Ledger
from schemas.article import ARTICLES, Article
from schemas.reject import REJECTS, Reason, Reject
from transforms.parquet import stage_rows

FIRST = dt.datetime(2024, 1, 1, 2, 30, tzinfo=dt.UTC)
TIMES = 3
_LATE = 5
"""Each so-manieth article belongs to the day before."""
_BODY = "The lock at Veerhaven opens at six. Skippers who come later wait for the tide, and few of them mind. " * 20


def article(night: int, number: int, run_id: str, now: dt.datetime) -> Article:
    """One article of one night; no two are alike."""
    name = hashlib.sha256(f"{night}-{number}".encode()).hexdigest()
    body = f"Report {night}-{number}. {_BODY}"
    day = (now - dt.timedelta(days=number % _LATE == 0)).date()
    return Article(
        article_id=name[:32],
        content_hash=name[32:],
        url=f"https://veerhaven.example/{night}/{number}",
        host="veerhaven.example",
        source_id=f"outlet-{number % 7}",
        input_kind="feed",
        input_ref=f"feed.xml#{number}",
        headline=f"Report {number} of night {night}",
        body=body,
        body_chars=len(body),
        partition_date=day,
        date_basis="published",
        fetched_at=now,
        ingested_at=now,
        language="en",
        run_id=run_id,
    )


def fill(root: Path, nights: range, count: int) -> None:
    """So many nights more."""
    for night in nights:
        now = FIRST + dt.timedelta(days=night)
        with Ledger(root) as ledger:
            known_files(ledger)
            run_id = ledger.next_run_id(now)
            folder = ledger.staging(run_id)
            days: dict[dt.date, list[Article]] = {}
            for each in (article(night, number, run_id, now) for number in range(count)):
                days.setdefault(each.partition_date or now.date(), []).append(each)
            files = [
                stage_rows(
                    folder,
                    f"{run_id}-{part}.parquet",
                    [each.row() for each in days[day]],
                    ARTICLES,
                    ("article_id", "version"),
                    date=day,
                )
                for part, day in enumerate(sorted(days))
            ]
            letter = Reject("read", Reason.EMPTY, "feed.xml#0", "no text", run_id=run_id, rejected_at=now)
            name = f"{run_id}-9.parquet"
            files.append(stage_rows(folder, name, [letter.row()], REJECTS, ("input_ref", "code"), date=now.date()))
            counts = Counts(count + 1, count, 0, 0, 1, {Reason.EMPTY: 1})
            ledger.commit(run_id, files, None, counts, config_hash="growth", now=now)


def spent(*words: object) -> float:
    """The processor time of one command, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this very program
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(root: Path, night: int, count: int) -> dict[str, float]:
    """The median time of each command on the data set as it is after so many nights."""
    runs = []
    for turn in range(TIMES):
        source = root.parent / "in.jsonl"
        lines = (
            {"id": f"real-{night}-{turn}-{n}", "text": f"Report {night}-{turn}-{n}. {_BODY}"} for n in range(count)
        )
        source.write_text("".join(json.dumps(line) + "\n" for line in lines))
        moment = FIRST + dt.timedelta(days=night, minutes=turn)
        runs.append(spent("run", source, "--root", root, "--now", moment.isoformat(), "--quiet"))
    recent = deltalog.read_entry(root, deltalog.last_version(root) - TIMES).record
    since = recent.run_id if recent else ""
    looks = {
        "show": ("show", "--root", root),
        "verify --since": ("verify", "--root", root, "--since", since),
        "verify --full": ("verify", "--root", root, "--full"),
        "verify, again": ("verify", "--root", root),
    }
    times = {name: [spent(*words) for _ in range(TIMES)] for name, words in looks.items()}
    return {name: statistics.median(each) for name, each in {"run": runs, **times}.items()}


def main() -> None:
    """Fill, measure, fill, measure."""
    parser = argparse.ArgumentParser(description="How run, show and verify grow with the nights.")
    parser.add_argument("--nights", type=int, default=1100)
    parser.add_argument("--early", type=int, default=10)
    parser.add_argument("--articles", type=int, default=50)
    parser.add_argument("--root", type=Path, help="an empty folder to work in (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = (args.root or Path(folder)) / "out"
        fill(root, range(args.early), args.articles)
        early = measure(root, args.early, args.articles)
        fill(root, range(args.early + 1, args.nights), args.articles)
        late = measure(root, args.nights, args.articles)
        files = checkpoints.live(root)
        print(f"{args.nights} nights: {len(files)} files of articles, {sum(file.rows for file in files)} articles")
    print(f"{'':16} {'night ' + str(args.early):>10} {'night ' + str(args.nights):>12} {'ratio':>7}")
    for name, before in early.items():
        print(f"{name:16} {before:8.2f} s {late[name]:10.2f} s {late[name] / before:7.2f}")


if __name__ == "__main__":
    main()
