"""How well copies of stories are found, at what cost, and whether the order of arrival matters.

    python -m benchmarks.clusters [--articles 20000] [--seed 20] [--shared DIR]     one minute or two

The corpus is that of ``wire_corpus``. It is placed in a run a night, and once more shuffled: within the nights, and
the copies of each story over its nights. Precision and recall are of pairs: of two articles that end in one story,
and of two that belong in one. Memory (Linux) and processor time are taken in a process of their own for each size,
with all articles in one window. With ``--shared`` the texts of DIR/pages/gold.jsonl and DIR/clutter/dev.jsonl are
placed too, and each pair that is found among them is named.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.wire_corpus import Arrival, corpus, shuffled
from transforms.core.near_duplicates import Matcher, Placed, Window

WINDOW_DAYS = 4
SIZES = (5_000, 10_000, 20_000)


def clustered(arrivals: Sequence[Arrival], window_days: int = WINDOW_DAYS) -> dict[str, str]:
    """The story of each article, a run a night, with the window through its JSON from each to the next."""
    stories: dict[str, str] = {}
    state = "{}"
    for night, of_night in itertools.groupby(arrivals, key=lambda arrival: arrival.night):
        window = Window.from_json(json.loads(state)).since(night - window_days)
        matcher = Matcher(window, night)
        entries = []
        for arrival in of_night:
            placed = _placed(matcher, arrival)
            stories[arrival.article_id] = placed.cluster_id or arrival.article_id
            entries.append(placed.entry)
        state = json.dumps(window.learned(entries, since=night - window_days).as_json())
    return stories


def _placed(matcher: Matcher, arrival: Arrival) -> Placed:
    return matcher.place(
        article_id=arrival.article_id,
        version=1,
        source_id=arrival.source_id,
        content_hash=hashlib.sha256(arrival.text.encode()).hexdigest()[:32],
        text=arrival.text,
        language=arrival.language,
    )


def pairs_within(labels: Iterable[object]) -> int:
    """How many pairs have a label in common."""
    return sum(count * (count - 1) // 2 for count in Counter(labels).values())


def quality(arrivals: Sequence[Arrival], found: dict[str, str]) -> tuple[float, float]:
    """Precision and recall of pairs."""
    both = pairs_within((arrival.story, found[arrival.article_id]) for arrival in arrivals)
    return both / pairs_within(found.values()), both / pairs_within(arrival.story for arrival in arrivals)


def false_pairs(arrivals: Sequence[Arrival], found: dict[str, str]) -> Counter[str]:
    """Of what kinds of articles the wrong pairs are."""
    together: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        together.setdefault(found[arrival.article_id], []).append(arrival)
    wrong: Counter[str] = Counter()
    for members in together.values():
        for one, other in itertools.combinations(members, 2):
            if one.story != other.story:
                wrong[" + ".join(sorted(each.story.partition("-")[0] for each in (one, other)))] += 1
    return wrong


def resident() -> float:
    """What this process holds in memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def cost(count: int, seed: int) -> None:
    """Print what placing ``count`` articles takes, all of them in one window."""
    arrivals = corpus(count, seed)
    before, entries, late = resident(), [], 0.0
    matcher, began = Matcher(Window(), 0), time.process_time()
    for number, arrival in enumerate(arrivals):
        if number == count - count // 10:
            late = time.process_time()
        entries.append(_placed(matcher, arrival).entry)
    seconds, last = time.process_time() - began, time.process_time() - late
    memory = resident() - before
    began = time.perf_counter()
    state = json.dumps(Window().learned(entries, since=0).as_json())
    wrote = time.perf_counter() - began
    began = time.perf_counter()
    Matcher(Window.from_json(json.loads(state)), 1)
    print(
        f"{count:6,} articles  {seconds:5.2f} s  {1e6 * seconds / count:4.0f} µs an article, "
        f"{1e6 * last / (count // 10):4.0f} µs of the last tenth  {memory:4.0f} MB more  "
        f"{len(state) / count:4.0f} bytes of state an article, written in {wrote:.2f} s, "
        f"read in {time.perf_counter() - began:.2f} s"
    )


def real(folder: Path) -> Iterator[str]:
    """What is found among real articles of different stories, and among documents with what was annotated cut out."""
    pages, documents = (
        [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("pages/gold.jsonl", "clutter/dev.jsonl")
    )
    texts = [(page["key"], page["lang"], page["text"]) for page in pages]
    for document in documents:
        kept = (part for part in document["segments"] if part["label"] == "keep")
        text = "".join(document["text"][part["start"] : part["end"]] for part in kept)
        texts.append((document["id"], document["lang"], text))
    arrivals = [Arrival(key, key, 0, text, language, key) for key, language, text in texts]
    found = clustered(arrivals)
    yield f"{len(texts)} real texts: {pairs_within(found.values())} pairs"
    yield from (f"  {key} with {story}" for key, story in found.items() if key != story)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=SIZES[-1], help="of the corpus whose pairs are counted")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--shared", type=Path, metavar="DIR", help="also look through the real texts in this folder")
    parser.add_argument("--cost", type=int, metavar="N", help="only the time and memory that N articles take")
    args = parser.parse_args()
    if args.cost:
        cost(args.cost, args.seed)
        return
    came = corpus(args.articles, args.seed)
    orders = {"as it came": came, "shuffled": shuffled(came, args.seed)}
    found = {name: clustered(arrivals) for name, arrivals in orders.items()}
    for name, arrivals in orders.items():
        precision, recall = quality(arrivals, found[name])
        wrong = dict(false_pairs(arrivals, found[name]))
        print(f"{name:11}  precision {precision:.4f}  recall {recall:.4f}  wrong pairs: {wrong}")
    one, other = found.values()
    same = pairs_within((one[key], other[key]) for key in one)
    print(f"of the pairs found in either order, both find {same / (_pairs(one) + _pairs(other) - same):.4f}")
    sys.stdout.flush()
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.clusters", "--cost", str(size), "--seed", str(args.seed)]
        subprocess.run(command, check=True)  # noqa: S603 - this very program
    if args.shared:
        print(*real(args.shared), sep="\n")


def _pairs(found: dict[str, str]) -> int:
    return pairs_within(found.values())


if __name__ == "__main__":
    main()
