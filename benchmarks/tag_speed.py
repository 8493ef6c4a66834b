"""What share of extraction's time goes into language, dates, tags and stories.

    python -m benchmarks.tag_speed --shared DIR [--rounds 7] [--pages N] [--profile STEP]

Takes the real pages in ``DIR/pages`` through the stages of a run and prints what each step takes, in processor time
and as a share of extraction, of which the dates that are read amid it are taken off. The steps have seen the newly
written texts of tests/data before, and the stories begin with ``EARLIER`` made-up articles, so that words and copies
are remembered as in the middle of a night. The pages themselves are met for the first time in the first round and
known in the others; of these the shortest time of each page and step counts, in which others disturbed it least.
``--profile`` shows in which functions a step spends its time.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime as dt
import gc
import gzip
import itertools
import json
import pstats
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.wire_corpus import corpus
from pipeline.build import stages
from pipeline.settings import Config, load
from schemas.article import Article
from schemas.record import Declared, InputKind, Outlet, Record
from transforms.core import article_dates
from transforms.core.extraction import extract_page
from transforms.core.metadata import Metadata
from transforms.core.near_duplicates import Entry, Matcher, Window

WRITTEN = Path(__file__).parent.parent / "tests" / "data" / "topics.jsonl"
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
EXTRACTION = "extraction"
EARLIER, SEED = 2_000, 20
STEPS = ("language", "dates", "tags", "stories")
SHOWN_FUNCTIONS = 30
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was read, and what it states of itself."""

    record: Record
    metadata: Metadata


def read_pages(folder: Path) -> Iterator[Page]:
    """The pages as a crawl would hand them over."""
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        html, url = gzip.decompress((folder / row["file"]).read_bytes()), row["url"]
        declared = Declared(url=url, fetched_at=dt.datetime.fromisoformat(row["crawled"]))
        record = Record(InputKind.WARC, row["file"], url, Outlet(), declared, html, html=html)
        yield Page(record, extract_page(html, url=url).metadata)


def written_texts() -> Iterator[Page]:
    """Newly written texts in the languages of the vocabularies, as pages of which nothing is known."""
    for line in WRITTEN.read_text("utf-8").splitlines():
        row = json.loads(line)
        declared = Declared(title=row["headline"], language=row["lang"])
        record = Record(InputKind.JSONL, row["id"], row["id"], Outlet(), declared, b"", text=row["lede"])
        yield Page(record, Metadata())


class Stopwatch:
    """Takes the processor time of each step for each page; of the one that is profiled, that of its functions."""

    def __init__(self, profiled: str | None = None) -> None:
        self.seconds = {step: list[float]() for step in (EXTRACTION, *STEPS)}
        self.profile = cProfile.Profile(time.process_time)
        self._profiled = profiled

    def __call__(self, step: str, work: Callable[..., T], *given: Any) -> T:
        """What ``work`` makes of what it is given."""
        if step == self._profiled:
            return self.profile.runcall(work, *given)
        begun = time.process_time()
        result = work(*given)
        self.seconds[step][-1] += time.process_time() - begun
        return result

    def next_page(self) -> None:
        """What comes now is another page."""
        for times in self.seconds.values():
            times.append(0.0)


def placed(stories: Matcher, article: Article) -> Entry:
    """What is remembered of an article in its place among the stories."""
    return stories.place(
        article_id=article.article_id,
        version=article.version,
        source_id=article.source_id,
        content_hash=article.content_hash,
        text=article.body,
        language=article.language,
    ).entry


def earlier() -> Window:
    """What is remembered of made-up articles."""
    stories, came = Matcher(Window(), NOW.toordinal()), corpus(EARLIER, SEED)
    made = (
        Article(each.article_id, each.source_id, "", "", NOW, body=each.text, language=each.language) for each in came
    )
    return Window(tuple(placed(stories, article) for article in made))


def take(
    pages: Iterable[Page],
    config: Config,
    steps: Mapping[str, Callable[[Any], Any]],
    window: Window,
    watch: Stopwatch,
) -> None:
    """All pages through the steps, and into the stories of a night of their own."""
    stories = Matcher(window, NOW.toordinal())
    for page in pages:
        watch.next_page()
        draft = watch(EXTRACTION, steps["extract"], page.record)
        article, declared = draft.article, page.record.declared
        languages = (declared.language, page.metadata.language_declared)
        zones = config.settings.timezones
        hints = article_dates.hints_for(page.record.outlet, article.host, languages, zones, article.fetched_at)
        watch("dates", article_dates.dated, article, declared, page.metadata, hints, NOW)
        # Extraction has done it once already.
        watch.seconds[EXTRACTION][-1] -= watch.seconds["dates"][-1]
        draft = watch("language", steps["language"], steps["strip"](draft))
        draft = watch("dates", steps["date"], draft)
        article = watch("tags", steps["tag"], draft).article
        watch("stories", placed, stories, article)


def show(name: str, rounds: Sequence[Stopwatch]) -> None:
    """Print what a page takes and the shares; of each page and step the shortest time of the rounds counts."""
    least = {
        step: [min(times) for times in zip(*(watch.seconds[step] for watch in rounds), strict=True)]
        for step in (EXTRACTION, *STEPS)
    }
    mean = {step: statistics.mean(times) for step, times in least.items()}
    print(f"{name}: extraction {mean[EXTRACTION] * 1e3:.1f} ms a page")
    mean["together"] = sum(mean[step] for step in STEPS)
    for step in (*STEPS, "together"):
        print(f"  {step:9} {mean[step] * 1e6:6,.0f} µs  {mean[step] / mean[EXTRACTION]:6.2%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="a folder with pages/")
    parser.add_argument("--rounds", type=int, default=7, help="in which the pages are known")
    parser.add_argument("--pages", type=int, help="only so many of them")
    parser.add_argument("--profile", choices=STEPS, help="only the functions of this step")
    args = parser.parse_args()
    config = load()
    steps = {stage.name: stage.load() for stage in stages(config, NOW, {})}
    pages = list(itertools.islice(read_pages(args.shared / "pages"), args.pages))
    window = earlier()
    take(written_texts(), config, steps, window, Stopwatch())
    # As worker processes do, so that their rubbish is found without looking at what they have loaded.
    gc.freeze()
    watches = []
    for _ in range(1 + args.rounds):
        watch = Stopwatch(args.profile)
        take(pages, config, steps, window, watch)
        watches.append(watch)
    if args.profile:
        pstats.Stats(watches[-1].profile).sort_stats("tottime").print_stats(SHOWN_FUNCTIONS)
        return
    show("met for the first time", watches[:1])
    show("known", watches[1:])


if __name__ == "__main__":
    main()
