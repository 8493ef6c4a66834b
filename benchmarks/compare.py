"""Measures Knipsel against its peers on the same pages: speed, processor time, memory, and how good the articles are.

    python -m benchmarks.compare --shared DIR [--repeat 21] [--rounds 3] [--json FILE]
    python -m benchmarks.compare --shared DIR --growth 600,6000

The first prints a table of medians, the second how memory and processor time of Knipsel alone grow with the pages.
DIR/pages holds the pages, the script that packs them into WARC files (it needs warcio), and the one that scores. The
peers get an environment each, with the versions pinned in ``benchmarks/peers/<name>/requirements.txt``. Corpus and
environments stay in the work folder and are used again.

Every round runs each peer once, and begins with the next of them, so that what else the machine does hits all alike;
a ratio is the median of those within the rounds. Time includes the start of the program. ``peers/tree.py`` says how
memory and processor time are taken. An article is a row with a text. Only the pages as they were found are scored,
not their copies; a page without an article counts as an empty text. Knipsel writes no article twice, so that copies
in which the packing found nothing to change are articles of the peers' alone. Where the numbers that ship have been
fitted to these very pages, ``--config`` measures Knipsel with others.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from benchmarks.peers.tree import CommandError, Usage, measure

PEERS = Path(__file__).parent / "peers"
REPEAT = 21
"""21 × 148 pages are more than 3,000: start-up is then some percent of the time."""
SECONDS, SECONDS_A_PAGE = 60.0, 0.5
"""When a run is ended: a page took at most 0.09 s of two busy cores."""
SET_UP_SECONDS = 900.0
BASE = "bare-pool"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The pages as WARC files.

    Attributes:
        folder: holds them.
        pages: how many records they have.
        shared: where the pages come from, with ``score_pages.py``.
    """

    folder: Path
    pages: int
    shared: Path

    @property
    def files(self) -> list[str]:
        """The WARC files."""
        return sorted(map(str, self.folder.glob("*.warc.gz")))


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to measure.

    Attributes:
        says: what it does, for the reader of the table.
        command: from corpus, folder of its output, and number of workers.
        rows: its articles as ``score_pages.py`` takes them, from the folder of its output and the corpus.
        prepare: what it needs before it is measured.
        inside: the folder to run it in, from the corpus.
        metadata: whether it gives title and date.
    """

    says: str
    command: Callable[[Corpus, Path, int], list[str]]
    rows: Callable[[Path, Corpus], Iterator[Row]]
    prepare: Callable[[Corpus], object]
    inside: Callable[[Corpus], Path | None] = lambda corpus: None
    metadata: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a peer: what it took, the articles it gave, and how good they are."""

    peer: str
    round: int
    load: float
    usage: Usage
    articles: int
    scores: dict[str, float]

    def figures(self) -> dict[str, float]:
        """What the table shows, by column."""
        return {
            "articles": self.articles,
            "s": self.usage.seconds,
            "articles/s": self.articles / self.usage.seconds,
            "CPU ms/article": 1e3 * self.usage.cpu_seconds / max(1, self.articles),
            "peak MB": self.usage.peak_bytes / 1e6,
            **self.scores,
        }


FORMATS = {"articles": ",.0f", "s": ".1f", "articles/s": ".1f", "CPU ms/article": ".1f", "peak MB": ",.0f"}
SCORES = {"F": "F", "P": "P", "R": "R", "title_exact": "title", "date": "date"}
"""Columns by the name that ``score_pages.py`` gives them."""


def call(command: Sequence[object], limit: float = SET_UP_SECONDS) -> None:
    """Run a command of the set-up; what it prints is shown if it fails."""
    done = subprocess.run(  # noqa: S603 - the commands are those of this file
        list(map(str, command)), check=False, capture_output=True, text=True, timeout=limit
    )
    if done.returncode:
        raise CommandError(
            f"{command[0]} ended with status {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        )


def whole(folder: Path, build: Callable[[Path], object]) -> Path:
    """``folder`` as ``build`` makes it, once; what an interruption leaves half made does not count."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        half = folder.with_name(f"{folder.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        build(half)
        half.rename(folder)
    return folder


def corpus(shared: Path, repeat: int, work: Path) -> Corpus:
    """The pages, each ``repeat`` times."""
    pages = shared / "pages"
    gold = (pages / "gold.jsonl").read_bytes()
    name = hashlib.sha256((pages / "make_warc.py").read_bytes() + gold).hexdigest()[:8]

    def build(half: Path) -> None:
        print(f"packing {repeat} × {len(gold.splitlines())} pages", file=sys.stderr)
        call([sys.executable, pages / "make_warc.py", half, "--repeat", str(repeat)])

    folder = whole(work / "corpus" / f"{name}-{repeat}", build)
    return Corpus(folder, repeat * len(gold.splitlines()), pages)


def environment(work: Path, name: str) -> Path:
    """The folder of commands of the peer's environment."""
    wanted = PEERS / name / "requirements.txt"
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = work / "environments" / f"{name}-{digest}"
    ready = folder / "ready"
    # Its scripts hold its path, so it cannot be made elsewhere and moved.
    if not ready.exists():
        print(f"making the environment of {name}", file=sys.stderr)
        call([sys.executable, "-m", "venv", "--clear", folder])
        call([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", wanted])
        ready.touch()
    return folder / "bin"


def peers(work: Path, config: Path | None) -> dict[str, Peer]:
    """All that can be measured, by name; ``config`` is Knipsel's."""
    own = functools.cache(functools.partial(environment, work))

    def script(peer: str, name: str) -> list[str]:
        return [str(own(peer) / "python"), str(PEERS / peer / name)]

    def laid_out(pages: Corpus) -> Path:
        lay_out = [*script("trafilatura-cli", "lay_out.py"), str(pages.folder)]
        return whole(work / "html" / pages.folder.name, lambda half: call([*lay_out, half]))

    def cli_rows(out: Path, pages: Corpus) -> Iterator[Row]:
        urls = json.loads((laid_out(pages) / "urls.json").read_text("utf-8"))
        for path in sorted(out.glob("*.json")):
            yield {"url": urls[path.stem], **json.loads(path.read_text("utf-8"))}

    def knipsel_rows(out: Path, _: Corpus) -> Iterator[Row]:
        names = ["url", "headline", "body", "published_at", "published_date", "language"]
        for row in ds.dataset(out / "articles").to_table(columns=names).to_pylist():
            date = row["published_at"] or row["published_date"]
            yield {
                "url": row["url"],
                "text": row["body"],
                "title": row["headline"],
                "date": date and str(date),
                "lang": row["language"],
            }

    def of_cli(pages: Corpus, out: Path, workers: int) -> list[str]:
        # Relative to the folder that it runs in: --keep-dirs puts the output elsewhere with any other path.
        asked = ["--json", "--with-metadata", "--keep-dirs", "--parallel", str(workers)]
        return [str(own("trafilatura-cli") / "trafilatura"), "--input-dir", ".", "--output-dir", str(out), *asked]

    def of_knipsel(pages: Corpus, out: Path, workers: int) -> list[str]:
        knipsel = Path(sys.executable).with_name("knipsel")
        settings = ["--config", str(config)] if config else []
        return [str(knipsel), "run", *pages.files, "--root", str(out), "--workers", str(workers), *settings]

    return {
        BASE: Peer(
            "FastWARC, stock trafilatura with metadata, langdetect, pyarrow, in a multiprocessing.Pool",
            lambda pages, out, n: [*script(BASE, "bare_pool.py"), str(pages.folder), str(out), str(n)],
            lambda out, _: iter(ds.dataset(out / "articles.parquet").to_table().to_pylist()),
            lambda _: own(BASE),
        ),
        "datatrove": Peer(
            "WarcReader, Trafilatura, ParquetWriter by its LocalPipelineExecutor, a task a worker: text only",
            lambda pages, out, n: [*script("datatrove", "datatrove_pages.py"), str(pages.folder), str(out), str(n)],
            lambda out, _: (
                {"url": row["metadata"]["url"], "text": row["text"]}
                for row in ds.dataset(out / "articles").to_table().to_pylist()
            ),
            lambda _: own("datatrove"),
            metadata=False,
        ),
        "trafilatura-cli": Peer(
            "the trafilatura command; it reads no WARC, so it gets the pages as HTML files, and writes JSON files",
            of_cli,
            cli_rows,
            laid_out,
            inside=lambda pages: laid_out(pages) / "html",
        ),
        "knipsel": Peer(
            f"knipsel run, settings: {config or 'its defaults'}", of_knipsel, knipsel_rows, lambda _: None
        ),
    }


def score(rows: Iterable[Row], pages: Corpus, folder: Path) -> tuple[int, dict[str, float]]:
    """How many rows have a text, and what ``score_pages.py`` says of them."""
    texts = [row for row in rows if row.get("text")]
    predicted, scored = folder / "pred.jsonl", folder / "scores.json"
    names = ("url", "text", "title", "date", "lang")
    with predicted.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({name: row.get(name) for name in names}) + "\n" for row in texts)
    asked = ["--pred", predicted, "--gold", pages.shared / "gold.jsonl", "--worst", "0", "--json", scored]
    call([sys.executable, pages.shared / "score_pages.py", *asked])
    said = json.loads(scored.read_text("utf-8"))
    return len(texts), {column: said[name] for name, column in SCORES.items()}


def run_once(name: str, peer: Peer, pages: Corpus, number: int, workers: int, work: Path) -> Measured:
    """Run a peer once, score what it wrote, and remove it.

    Raises:
        CommandError: if it failed or took too long; its log is then kept in the work folder.
    """
    log = work / f"{name}.log"
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=work) as folder:
        out = Path(folder) / "out"
        out.mkdir()
        load = os.getloadavg()[0]
        usage = measure(
            peer.command(pages, out, workers),
            log,
            limit=SECONDS + SECONDS_A_PAGE * pages.pages,
            folder=peer.inside(pages),
        )
        articles, scores = score(peer.rows(out, pages), pages, Path(folder))
    if not peer.metadata:
        del scores["title"], scores["date"]
    log.unlink()
    return Measured(name, number, load, usage, articles, scores)


def compare(
    chosen: dict[str, Peer], pages: Corpus, rounds: int, workers: int, work: Path
) -> tuple[list[Measured], int]:
    """Every peer once a round, in turn; and how many runs failed."""
    names = list(chosen)
    for peer in chosen.values():
        peer.prepare(pages)
    done: list[Measured] = []
    failed = 0
    for number in range(rounds):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            failed += not attempt(done, name, chosen[name], pages, number, workers, work)
    return done, failed


def attempt(
    done: list[Measured], name: str, peer: Peer, pages: Corpus, number: int, workers: int, work: Path
) -> bool:
    """Add a run to those done, and say so; false if it failed."""
    try:
        one = run_once(name, peer, pages, number, workers, work)
    except CommandError as fault:
        print(f"round {number + 1}, {name}: {fault}", file=sys.stderr)
        return False
    left = f", {one.usage.left} processes left behind" if one.usage.left else ""
    print(
        f"round {number + 1}, {name}: {one.articles} in {one.usage.seconds:.1f} s{left}", file=sys.stderr, flush=True
    )
    done.append(one)
    return True


def table(done: Sequence[Measured], names: Sequence[str]) -> str:
    """Medians in Markdown, each with its ratio to the base where that was measured too."""
    columns = [*FORMATS, *SCORES.values()]
    base = {one.round: one.figures() for one in done if one.peer == BASE}
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for name in names:
        runs = [one for one in done if one.peer == name]
        cells = []
        for column in columns:
            values = [one.figures()[column] for one in runs if column in one.figures()]
            beside = [(one.figures().get(column), base.get(one.round, {}).get(column)) for one in runs]
            ratios = [own / other for own, other in beside if own is not None and other]
            cell = format(statistics.median(values), FORMATS.get(column, ".3f")) if values else "–"
            cells.append(f"{cell} (×{statistics.median(ratios):.2f})" if ratios and name != BASE else cell)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def growth(knipsel: Peer, sizes: list[int], args: argparse.Namespace) -> tuple[list[tuple[int, Measured]], int]:
    """Knipsel alone on corpora of about these sizes, in turn; with the pages of each, and how many runs failed."""
    each = corpus(args.shared, 1, args.work).pages
    corpora = [corpus(args.shared, max(1, round(size / each)), args.work) for size in sizes]
    done: list[tuple[int, Measured]] = []
    failed = 0
    for number in range(args.rounds):
        for pages in corpora:
            one: list[Measured] = []
            failed += not attempt(one, "knipsel", knipsel, pages, number, args.workers, args.work)
            done.extend((pages.pages, measured) for measured in one)
    return done, failed


def growth_table(done: Sequence[tuple[int, Measured]]) -> str:
    """Medians in Markdown by number of pages, each with its ratio to the smallest."""
    columns = list(FORMATS)[1:]
    lines = [f"| pages | {' | '.join(columns)} |", f"|---:|{'---:|' * len(columns)}"]
    first: dict[str, float] = {}
    for pages in sorted({pages for pages, _ in done}):
        runs = [one.figures() for size, one in done if size == pages]
        medians = {column: statistics.median(run[column] for run in runs) for column in columns}
        ratios = {column: f" (×{medians[column] / first[column]:.2f})" if first else "" for column in columns}
        cells = [format(medians[column], FORMATS[column]) + ratios[column] for column in columns]
        lines.append(f"| {pages:,} | {' | '.join(cells)} |")
        first = first or medians
    return "\n".join(lines)


def main() -> int:
    """Measure and print; 1 if a run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="the folder that holds pages/")
    parser.add_argument("--repeat", type=int, default=REPEAT, help=f"copies of each page (default: {REPEAT})")
    parser.add_argument("--workers", type=int, default=2, help="processes of each peer (default: 2)")
    parser.add_argument("--peers", default="bare-pool,datatrove,trafilatura-cli,knipsel", help="default: all")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "knipsel-benchmark", metavar="DIR")
    parser.add_argument("--config", type=lambda name: Path(name).resolve(), metavar="FILE", help="Knipsel's settings")
    parser.add_argument("--growth", metavar="N,N", help="Knipsel alone, on about so many pages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of every run")
    args = parser.parse_args()
    args.work = args.work.resolve()
    args.shared = args.shared.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    names = [name.strip() for name in args.peers.split(",")]
    known = peers(args.work, args.config)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what runs is ended
    if args.growth:
        grown, failed = growth(known["knipsel"], [int(size) for size in args.growth.split(",")], args)
        print(growth_table(grown))
        runs = [{"pages": pages, **asdict(one)} for pages, one in grown]
    else:
        pages = corpus(args.shared, args.repeat, args.work)
        done, failed = compare({name: known[name] for name in names}, pages, args.rounds, args.workers, args.work)
        print(f"{pages.pages:,} pages, {args.workers} workers on {os.cpu_count()} cores, {args.rounds} rounds\n")
        print(table(done, names), end="\n\n")
        print("\n".join(f"- {name}: {known[name].says}" for name in names))
        runs = [{"pages": pages.pages, **asdict(one)} for one in done]
    if args.json:
        machine = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
        args.json.write_text(
            json.dumps({"machine": machine, "workers": args.workers, "runs": runs}, indent=1), "utf-8"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
