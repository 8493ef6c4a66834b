"""How well agency copy is told, as precision and recall of the agencies that annotated documents name.

    python -m benchmarks.agency_score [--pred OUT.jsonl] [FILE.jsonl …]

Each line of a FILE has a text and its ``source_tags``, the agencies whose copy it is in their own spelling (Belga,
dpa); default are the documents in tests/data/clutter. A text is stripped of its clutter as in a run, then its
agencies are read from what is left and what was cut. The column ``agency`` holds codes (BELGA, DPA), and
``agencies.toml`` says which spelling (``display``) and which names belong to each. Agencies are compared by their
code and, stricter, by the spelling. What differs is named. ``--pred`` writes lines of id, cleaned text and
source_tags for other scorers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.settings import load
from schemas.tagging import AgencyFile
from transforms.core.agencies import AgencyCopy, AgencyReader
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.strip import Stripped, strip

DATA = Path(__file__).parent.parent / "tests" / "data" / "clutter"


def read(document: Mapping[str, Any], book: RuleBook, reader: AgencyReader) -> tuple[Stripped, AgencyCopy]:
    """A document stripped, and the agencies that were read."""
    stripped = strip(document["text"], book)
    return stripped, reader.read(body=stripped.body, removed=stripped.removed, authors=())


def codes_by_name(agencies: AgencyFile) -> dict[str, str]:
    """The code of each agency by any of its names, casefolded."""
    return {
        name.casefold(): agency.code
        for agency in agencies.agency
        for name in (agency.code, agency.name, agency.display or agency.code, *agency.aliases)
    }


def score(pairs: Iterable[tuple[set[str], set[str]]]) -> str:
    """Precision and recall of sets that were found beside those that are right."""
    wanted = found = both = 0
    for right, given in pairs:
        wanted, found, both = wanted + len(right), found + len(given), both + len(right & given)
    precision, recall = (both / of if of else 1.0 for of in (found, wanted))
    return f"precision {precision:.3f}, recall {recall:.3f} ({both} of {found} found and {wanted} named)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=sorted(DATA.glob("*.jsonl")))
    parser.add_argument("--pred", type=Path, help="where to write what was read")
    args = parser.parse_args()
    config = load()
    book, reader, codes = rule_book(config.rules), AgencyReader(config.agencies), codes_by_name(config.agencies)
    by_code: list[tuple[set[str], set[str]]] = []
    by_spelling: list[tuple[set[str], set[str]]] = []
    written = []
    for file in args.files:
        for line in file.read_text("utf-8").splitlines():
            document = json.loads(line)
            stripped, copy = read(document, book, reader)
            right = {codes.get(name.casefold(), name) for name in document["source_tags"]}
            by_code.append((right, set(copy.codes)))
            by_spelling.append((set(document["source_tags"]), set(copy.display)))
            if right != set(copy.codes):
                print(f"{file.name} {document['id']}: {sorted(right)}, read {sorted(copy.codes)}")
            text = "\n".join(filter(None, (stripped.headline, stripped.body)))
            row = {"id": document["id"], "cleaned_text": text, "source_tags": list(copy.display)}
            written.append(json.dumps(row, ensure_ascii=False))
    if args.pred:
        args.pred.write_text("".join(f"{row}\n" for row in written), "utf-8")
    print(f"{len(by_code)} documents")
    print(f"by code:     {score(by_code)}")
    print(f"by spelling: {score(by_spelling)}")


if __name__ == "__main__":
    main()
