"""What the rules as they are now make of a case or of the lines of the record, for a person to read.

``python -m tests.golden.draft CASE`` writes ``expected.txt`` and ``cuts.jsonl`` beside the ``input.txt`` and
``case.toml`` of the case. ``python -m tests.golden.draft --fits`` writes ``fits.tsv`` and ``probes.tsv``, and says of
which rules the record is another. What they say is right only once somebody has read it line by line: a draft repeats
whatever the rules do, faults included.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.settings import load as load_settings
from schemas.rules import RuleFile
from tests.golden import cases, fits
from tests.golden.fits import Probe
from tests.golden.mutants import probes_for, untold
from transforms.core.clutter.rules import rule_book


def main(argv: Sequence[str] | None = None, among: Path = cases.FOLDER) -> int:
    """Draft the case that ``argv`` names ``among`` the others, or the record of fits there; 0 when it is written."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.draft", description="Draft a golden case from the rules as they are now."
    )
    parser.add_argument("case", metavar="CASE", nargs="?", help="a folder here with input.txt and case.toml")
    parser.add_argument("--again", action="store_true", help="also where it was drafted before")
    parser.add_argument("--fits", action="store_true", help="the record of what each rule fits, in place of a case")
    args = parser.parse_args(argv)
    if args.fits == (args.case is not None):
        parser.error("give either CASE or --fits")
    if args.fits:
        _draft_fits(load_settings().rules.files, among)
        return 0
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


def _draft_fits(files: Mapping[str, RuleFile], among: Path) -> None:
    probes, record = among / fits.PROBES.name, among / fits.RECORD.name
    words = fits.words_of(files)
    before = fits.read_probes(probes)
    after: list[Probe] = []
    for name, thing in fits.every(files):
        kept = fits.probed(thing, words[name], before.get(thing.id, ()))
        left = untold(thing, words[name], kept)
        found = probes_for(thing, left, words[name]) if left else []
        after += {probe.line: probe for probe in (*kept, *found)}.values()
        for mutant in untold(thing, words[name], [*kept, *found]).values() if left else ():
            print(f"{mutant.id}: no line found that tells it from the rule; add one to {probes.name} by hand")
    fits.write_probes(after, probes)
    old = fits.read_rows(record)
    found_now = fits.record(files)
    new = fits.rows(files, found_now)
    for id_ in sorted(set(old) | set(new)):
        if old.get(id_) != new.get(id_):
            print(fits.change(id_, old.get(id_), new.get(id_), found_now.get(id_)))
    fits.write_rows(new, record)
    print(f"{record}, {probes}: drafted; read what they say of the rules that you changed before you keep them")


if __name__ == "__main__":
    raise SystemExit(main())
