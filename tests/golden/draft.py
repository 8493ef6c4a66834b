"""``python -m tests.golden.draft CASE``: what the rules as they are now make of a case, for a person to read.

It writes ``expected.txt`` and ``cuts.jsonl`` beside the ``input.txt`` and ``case.toml`` of the case. What they say is
right only once somebody has read them line by line: a draft repeats whatever the rules do, faults included.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.settings import load as load_settings
from tests.golden import cases
from transforms.core.clutter.rules import rule_book


def main(argv: Sequence[str] | None = None, among: Path = cases.FOLDER) -> int:
    """Draft the case that ``argv`` names ``among`` the others; 0 when it is written."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.draft", description="Draft a golden case from the rules as they are now."
    )
    parser.add_argument("case", metavar="CASE", help="a folder beside this file with input.txt and case.toml")
    parser.add_argument("--again", action="store_true", help="also where it was drafted before")
    args = parser.parse_args(argv)
    folder = among / args.case
    for name in ("input.txt", "case.toml"):
        if not (folder / name).is_file():
            parser.error(f"{folder / name}: missing; write it first")
    case = cases.load(args.case, among)
    if (case.expected is not None or case.cuts is not None) and not args.again:
        parser.error(f"{folder}: drafted before; --again overwrites what a person may have read and put right")
    expected, cuts = cases.outcome(case, rule_book(load_settings().rules))
    (folder / "expected.txt").write_bytes(f"{expected}\n".encode())
    (folder / "cuts.jsonl").write_bytes(cases.as_lines(cuts).encode())
    print(f"{folder}: drafted; read expected.txt and cuts.jsonl line by line before you keep them")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
