"""How often each detector tells the right language, and what it costs: real pages, their headlines, and lines.

    python -m benchmarks.language_score --shared DIR

DIR/pages holds the pages with their texts, titles and languages; DIR/clutter/*.jsonl and tests/data/clutter hold
annotated documents, whose Dutch lines of running text are the third measure: Dutch is easily taken for Afrikaans or
German. tests/data/headlines.tsv has newly written headlines in 40 languages. Settings are those that ship. Headlines
are judged alone and together with the language that their page declares, right or wrong; the lines alone and as
declared Dutch. Of what is not right, "unknown" is where a detector would not say. Times are of the processor.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.settings import load
from transforms.core.extraction import extract_page
from transforms.core.language import DETECTORS, UNKNOWN, Detector, detect, primary

TESTS = Path(__file__).parent.parent / "tests" / "data"
DATA = TESTS / "clutter"
LINES, LINE_CHARACTERS = 200, 40
"""How many Dutch lines, and how long they are at least: about a headline."""

Sample = tuple[str, str, str | None]
"""A language, a text in it, and the language that is declared for it."""


def pages(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """The texts of the pages, and their titles with what the pages declare."""
    texts: list[Sample] = []
    titles: list[Sample] = []
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        html = gzip.decompress((folder / row["file"]).read_bytes())
        declared = extract_page(html, url=row["url"]).metadata.language_declared
        texts.append((row["lang"], row["text"], None))
        titles.append((row["lang"], row["title"], declared))
    return texts, titles


def dutch_lines(files: Iterable[Path]) -> list[Sample]:
    """The first lines of running text of Dutch documents, each once."""
    found: dict[str, None] = {}
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            document = json.loads(line)
            if document.get("lang") != "nl" or "segments" not in document:
                continue
            for segment in document["segments"]:
                if segment["label"] == "keep" and segment["kind"] == "body":
                    text = document["text"][segment["start"] : segment["end"]]
                    found.update(dict.fromkeys(part for part in text.splitlines() if len(part) >= LINE_CHARACTERS))
    return [("nl", text, "nl") for text in list(found)[:LINES]]


def measure(
    name: str, samples: Sequence[Sample], detector: Detector, limits: dict[str, Any], *, told: bool = False
) -> None:
    """Print the share that is right, what was said instead, and the time for each text."""
    begun = time.process_time()
    answers = [detect(text, detector, **limits, declared=stated if told else None) for _, text, stated in samples]
    spent = time.process_time() - begun
    pairs = [(language, answer) for (language, _, _), (answer, _) in zip(samples, answers, strict=True)]
    wrong = Counter(pair for pair in pairs if primary(pair[0]) != primary(pair[1]))
    unknown = sum(count for (_, answer), count in wrong.items() if answer == UNKNOWN[0])
    told_as = ", ".join(
        f"{right} as {answer} {count}" for (right, answer), count in wrong.most_common() if answer != "und"
    )
    print(
        f"  {name:26} {1 - wrong.total() / len(samples):.4f} of {len(samples)}, unknown {unknown}, "
        f"{spent / len(samples) * 1e6:,.0f} µs" + (f"; {told_as}" if told_as else "")
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="a folder with pages/ and clutter/")
    args = parser.parse_args()
    settings = load().settings.language
    limits = {
        "max_chars": settings.max_chars,
        "min_letters": settings.min_letters,
        "expected": frozenset(settings.expected),
    }
    texts, titles = pages(args.shared / "pages")
    lines = dutch_lines([*sorted((args.shared / "clutter").glob("*.jsonl")), *sorted(DATA.glob("*.jsonl"))])
    rows = [line.split("\t") for line in (TESTS / "headlines.tsv").read_text("utf-8").splitlines()]
    written: list[Sample] = [(language, headline, None) for language, headline in rows]
    for name, detector in DETECTORS.items():
        print(name)
        loaded = detector()
        measure("texts of pages", texts, loaded, limits)
        measure("headlines alone", titles, loaded, limits)
        measure("headlines as declared", titles, loaded, limits, told=True)
        measure("written headlines", written, loaded, limits)
        measure("Dutch lines alone", lines, loaded, limits)
        measure("Dutch lines as declared", lines, loaded, limits, told=True)


if __name__ == "__main__":
    main()
