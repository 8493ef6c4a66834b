"""How long the report of a large run takes, how large it becomes, and how much memory it needs.

    python -m benchmarks.report_speed [--articles N] [--rejects N] [--outlets N] [--days N] [--runs N] [--root DIR]

Makes a data set of made-up articles with the real writer and the real commit, the last run being the large one, then
measures ``pipeline.report.publish`` in a process of its own. With ``--root`` the data set is left for looking at; a
folder that holds one already is measured as it is.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.ledger import Counts, Ledger
from pipeline.report import RunExtra, publish
from pipeline.report.history import commands
from schemas.article import ARTICLES, Article, Cut, Tag
from schemas.feed import Notice, NoticeCode
from schemas.reject import FILTERED, REJECTS, Reason, Reject, fingerprint
from transforms.parquet import StagedFile, stage_rows

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
ROWS_PER_FILE = 10_000
WORDS = (
    "the",
    "harbour",
    "of",
    "Oudewal",
    "ferry",
    "council",
    "quay",
    "bridge",
    "winter",
    "herring",
    "fleet",
    "school",
    "museum",
    "budget",
    "vote",
    "storm",
    "dike",
    "tram",
    "market",
    "baker",
    "choir",
    "rowing",
    "lighthouse",
    "archive",
    "mayor",
    "engineer",
    "island",
    "bicycle",
    "concert",
    "library",
    "tide",
    "permit",
    "orchard",
)
LANGUAGES = ("nl", "nl-BE", "en", "en-GB", "de", "fr", "und")
TOPICS = (
    ("04000000", "economy, business and finance"),
    ("06000000", "environment"),
    ("11000000", "politics and government"),
    ("15000000", "sport"),
    ("17000000", "weather"),
)
CUTS = (
    ("newsletter", "en.newsletter", 90),
    ("related_teaser", "signal.weighed", 70),
    ("photo_credit", "en.photo-credit", 30),
    ("share", "en.share", 25),
    ("copyright", "any.copyright-line", 45),
    ("byline", "en.byline", 30),
    ("timestamp", "any.stamp", 18),
    ("paywall", "en.paywall", 120),
    ("cookie", "en.consent", 200),
    ("related_header", "en.read-also", 12),
)


def prose(luck: random.Random, chars: int) -> str:
    """Some sentences of about ``chars`` characters."""
    out: list[str] = []
    length = 0
    while length < chars:
        sentence = " ".join(luck.choices(WORDS, k=luck.randint(8, 18))).capitalize() + "."
        out.append(sentence)
        length += len(sentence) + 1
    return " ".join(out)


def article(luck: random.Random, number: int, run_id: str, outlets: int, days: int) -> Article:
    """Article ``number`` of one of ``outlets`` outlets, of which the first bring most."""
    outlet = min(int(luck.expovariate(6 / outlets)), outlets - 1)
    body = prose(luck, luck.choice((150, 900, 1_800, 3_000)))
    cuts, at = [], len(body)
    for kind, rule, chars in luck.sample(CUTS, luck.randint(0, 5)):
        text = "\n" + prose(luck, chars)
        cuts.append(Cut(at, at + len(text), kind, rule, text))
        at += len(text)
    day = NOW.date() - dt.timedelta(days=min(int(luck.expovariate(4 / days)), days - 1))
    url = f"https://outlet-{outlet}.example/{day:%Y/%m/%d}/{'-'.join(luck.choices(WORDS, k=6)).lower()}-{number}"
    dated = luck.random() > 0.03
    return Article(
        article_id=hashlib.sha256(url.encode()).hexdigest()[:32],
        content_hash=hashlib.sha256(body.encode()).hexdigest()[:32],
        url=url,
        canonical_url=url,
        host=f"outlet-{outlet}.example",
        source_id=f"outlet-{outlet}",
        source_name=f"The {luck.choice(WORDS).capitalize()} Courier {outlet}",
        input_kind="jsonl",
        input_ref=f"night.jsonl#{number + 1}",
        headline=prose(luck, 40)[:-1],
        body=body,
        body_chars=len(body),
        removed=tuple(cuts),
        clutter_ratio=(at - len(body)) / at,
        partition_date=day,
        date_basis="published" if dated else "fetched",
        published_date=day if dated else None,
        published_edtf=day.isoformat() if dated else None,
        fetched_at=NOW,
        ingested_at=NOW,
        language=luck.choices(LANGUAGES, weights=(60, 8, 15, 4, 8, 4, 1))[0],
        language_score=0.99,
        agency=luck.choice(("ANP", "BELGA", "AFP", None, None, None)),
        tags=tuple(
            Tag("medtop", code, label, 0.8, "harbour") for code, label in luck.sample(TOPICS, luck.randint(0, 2))
        ),
        quality_flags=("short_body",) if len(body) < 200 else (),
        run_id=run_id,
        config_hash="c0ffee",
        rules_version="1",
    )


def reject(luck: random.Random, number: int, run_id: str, outlets: int) -> Reject:
    """Dead letter ``number``, with any of the reasons."""
    outlet = luck.randrange(outlets)
    code = luck.choice(tuple(Reason))
    return Reject(
        stage="read",
        code=code,
        input_ref=f"night.jsonl#{number + 1}",
        message=f"{code.value.lower()}: {prose(luck, 80)}",
        url=f"https://outlet-{outlet}.example/{'-'.join(luck.choices(WORDS, k=8)).lower()}-{number}",
        source_id=f"outlet-{outlet}",
        raw_sha256=fingerprint(str(number).encode()),
        raw_bytes=luck.randrange(100_000),
        run_id=run_id,
        rejected_at=NOW,
    )


def commit(ledger: Ledger, luck: random.Random, args: argparse.Namespace, share: float, now: dt.datetime) -> None:
    """One run with ``share`` times the articles and dead letters asked for."""
    run_id = ledger.next_run_id(now)
    folder = ledger.staging(run_id)
    articles = [article(luck, n, run_id, args.outlets, args.days) for n in range(max(int(args.articles * share), 1))]
    rejects = [reject(luck, n, run_id, args.outlets) for n in range(max(int(args.rejects * share), 1))]
    files: list[StagedFile] = []
    for day, rows in by_day(articles):
        for part in range(0, len(rows), ROWS_PER_FILE):
            values = [row.row() for row in rows[part : part + ROWS_PER_FILE]]
            name = f"{run_id}-{len(files)}.parquet"
            files.append(stage_rows(folder, name, values, ARTICLES, ("article_id", "version"), date=day))
    letters = [row.row() for row in rejects]
    name = f"{run_id}-{len(files)}.parquet"
    files.append(stage_rows(folder, name, letters, REJECTS, ("input_ref", "code"), date=now.date()))
    reasons = Counter(str(one.code) for one in rejects)
    filtered = sum(n for code, n in reasons.items() if code in FILTERED)
    duplicates = luck.randrange(len(articles) + 1)
    counts = Counts(
        read=len(articles) + len(rejects) + duplicates,
        written=len(articles),
        duplicate=duplicates,
        filtered=filtered,
        rejected=len(rejects) - filtered,
        reasons=dict(sorted(reasons.items())),
    )
    ledger.commit(run_id, files, None, counts, config_hash="c0ffee", inputs=["night.jsonl"], now=now)


def by_day(articles: Sequence[Article]) -> Iterator[tuple[dt.date, list[Article]]]:
    """The articles by the day they are filed under."""
    days: dict[dt.date, list[Article]] = {}
    for one in articles:
        if one.partition_date is not None:
            days.setdefault(one.partition_date, []).append(one)
    yield from sorted(days.items())


def make(root: Path, args: argparse.Namespace) -> None:
    """The data set: ``args.runs`` runs with a share of the articles, then the one that is measured."""
    begun = time.monotonic()
    luck = random.Random(20261120)  # noqa: S311 - made-up articles, no secrets
    for number in range(args.runs):
        with Ledger(root) as ledger:
            commit(
                ledger, luck, args, args.share * luck.uniform(0.7, 1.3), NOW - dt.timedelta(days=args.runs - number)
            )
    with Ledger(root) as ledger:
        commit(ledger, luck, args, 1.0, NOW)
    print(f"data set made in {time.monotonic() - begun:.0f} s")


def measure(root: Path) -> None:
    """Publish the report of the last run, and say what that took."""
    last = commands(root, most=1)[0]
    notice = Notice(NoticeCode.FEED_SILENT, "https://outlet-1.example/rss.xml", "nothing new for 9 days", NOW)
    extra = RunExtra(
        started=last.moment,
        seconds=1_234.5,
        runs=last.runs,
        counts=last.counts,
        inputs=last.inputs,
        notices=(notice,) * 20,
        waiting=12,
        stage_seconds={
            "read": 120.0,
            "extract": 2_000.0,
            "strip": 310.0,
            "language": 260.0,
            "tag": 95.0,
            "write": 80.0,
        },
        peak_bytes=512_000_000,
        feeds_asked=180,
        feeds_unchanged=120,
        feeds_failed=2,
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, worked = time.monotonic(), time.process_time()
    path = publish(root, extra)
    seconds, cpu = time.monotonic() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"{last.counts.written:,} articles, {sum(last.counts.reasons.values()):,} dead letters: {path}")
    print(f"{seconds:.1f} s ({cpu:.1f} s CPU), {path.stat().st_size / 1e6:.2f} MB of HTML")
    print(f"peak memory {peak * unit / 1e6:.0f} MB, {before * unit / 1e6:.0f} MB before it began")


def main() -> None:
    """Read the arguments, make, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--rejects", type=int, default=5_000)
    parser.add_argument("--outlets", type=int, default=300)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--runs", type=int, default=30, help="runs before the one that is measured")
    parser.add_argument("--share", type=float, default=0.002, help="of the articles, in each of the runs before")
    parser.add_argument("--root", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root: Path = args.root or Path(folder) / "out"
        if not (root / "_delta_log").is_dir():
            in_a_child(make, root, args)
        in_a_child(measure, root)


def in_a_child(work: Callable[..., None], *given: object) -> None:
    """Each in a process of its own: on Linux a child begins with the peak of memory of its parent."""
    child = multiprocessing.get_context("spawn").Process(target=work, args=given)
    child.start()
    child.join()
    if child.exitcode:
        sys.exit(child.exitcode)


if __name__ == "__main__":
    main()
