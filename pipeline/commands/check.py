"""Commands that check: the data set, settings and rules, and the machine."""

from __future__ import annotations

import argparse
import datetime as dt
import json

from pipeline.commands.base import (
    DONE,
    FAILED,
    USAGE,
    Commands,
    Output,
    clock,
    config_of,
    console,
    count,
    day,
    root_of,
)


def add(commands: Commands) -> None:
    """Add them."""
    says = "check the data set: checksums, schema, books, log against files"
    verify = commands.add("verify", do_verify, says, commands.holding)
    verify.add_argument("--json", action="store_true", help="one object with every fault")
    among = verify.add_mutually_exclusive_group()
    among.add_argument(
        "--since",
        type=_run_or_day,
        metavar="RUN|DATE",
        help="read only the files of this and later runs; of others ask the length",
    )
    among.add_argument(
        "--full", action="store_true", help="decode all files, also those of which the bytes were found sound before"
    )
    says = "take damaged files out of the data set, put right what follows from the rest, say what to fetch again"
    among.add_argument("--repair", action="store_true", help=says)

    commands.add("check", do_check, "check settings, feeds and rules, each rule against its examples")

    says = "say what this machine lacks for runs that nobody watches"
    doctor = commands.add("doctor", do_doctor, says, commands.holding)
    doctor.add_argument("--network", action="store_true", help="also look up the names of the hosts of feeds")
    doctor.add_argument("--json", action="store_true", help="one object with every finding")

    rules = commands.group("rules", "what the clutter rules would do")
    says = "show which stored articles and lines the rules as they are now would cut differently"
    diff = rules.add("diff", do_rules_diff, says, commands.holding)
    diff.add_argument("--date", type=day, metavar="DATE", help="only this day, YYYY-MM-DD")
    diff.add_argument("--source", metavar="NAME", help="only this source_id")
    diff.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help="how many articles (default: 20; with --json, all that would change)",
    )
    diff.add_argument("--json", action="store_true", help="one JSON object per article, the summary last")
    diff.epilog = "'-' marks what is cut now, '+' what is kept now, '~' what another rule cuts now."


def _run_or_day(text: str) -> str | dt.date:
    """The id of a run, or a date."""
    from pipeline.deltalog import RUN_ID

    if RUN_ID.match(text):
        return text
    try:
        return day(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither the id of a run nor a date such as 2026-11-20"
        ) from None


def do_verify(args: argparse.Namespace) -> int:
    """Check the data set, and put right what can be."""
    from pipeline import repair as repairing
    from pipeline.sound_files import verify_and_remember

    root = root_of(args)
    repaired = repairing.repair(root, dt.datetime.now(dt.UTC)) if args.repair else None
    found = repaired.left if repaired else verify_and_remember(root, args.since, full=args.full)
    done, again = (repaired.done, repaired.again) if repaired else ((), ())
    if args.json:
        told = {
            "files": found.files,
            "rows": found.rows,
            "runs": found.runs,
            "unread": found.unread,
            "known": 0 if repaired else found.known,
            "faults": list(found.faults),
            "quarantined": list(found.quarantined),
        }
        more = {"done": list(done), "again": [each.as_json() for each in again]} if repaired else {}
        print(json.dumps(told | more))
        return FAILED if found.faults else DONE
    for line in (*done, *(line for each in again for line in each.lines()), *found.faults, *found.quarantined):
        print(line)
    notes = [f"{found.unread} of them not read"] if found.unread else []
    notes += [f"{found.known} known to be sound by their sha256"] if found.known and not repaired else []
    noted = f" ({', '.join(notes)})" if notes else ""
    print(f"{root}: {found.files} files{noted}, {found.rows} rows, {found.runs} runs, {len(found.faults)} faults")
    return FAILED if found.faults else DONE


def do_check(args: argparse.Namespace) -> int:
    """Check settings, feeds and rules."""
    from pipeline import settings

    config = config_of(args)
    faults = settings.check(config)
    for fault in faults:
        print(fault)
    rules = sum(len(file.rule) + len(file.seam) for file in config.rules.files.values())
    terms = sum(len(words) for file in config.terms for topic in file.terms.values() for words in topic.values())
    known = f"{len(config.feeds)} feeds, {rules} clutter rules, {terms} terms, {len(config.agencies.agency)} agencies"
    print(f"{known}, {len(faults)} faults")
    return USAGE if faults else DONE


def do_doctor(args: argparse.Namespace) -> int:
    """Say what this machine lacks."""
    from pipeline import doctor as examining

    found = examining.examine(args.root, args.config, args.overrides, now=clock(), network=args.network)
    faults = sum(one.level is examining.Level.FAULT for one in found)
    if args.json:
        print(json.dumps({"faults": faults, "findings": [one.as_json() for one in found]}))
    else:
        examining.show(found, Output(highlight=False))
    return FAILED if faults else DONE


def do_rules_diff(args: argparse.Namespace) -> int:
    """Show what the rules would cut differently."""
    from pipeline import rules_diff as diff
    from transforms.core.clutter.rules import rule_book

    config, root, output = config_of(args), root_of(args), console()
    totals = diff.Totals()
    limit = diff.SHOWN if args.limit is None and not args.json else args.limit
    for changed in diff.difference(root, rule_book(config.rules), totals, date=args.date, source=args.source):
        if limit is not None and totals.changed > limit:
            continue
        if args.json:
            print(json.dumps(changed.as_json(), ensure_ascii=False))
        else:
            diff.show(changed, output)
    if args.json:
        print(json.dumps(totals.as_json()))
        return DONE
    if limit is not None and totals.changed > limit:
        output.print(f"{totals.changed - limit} more; --limit shows more", style="dim", highlight=False)
    diff.summarise(totals, output)
    return DONE
