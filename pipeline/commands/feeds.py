"""``knipsel feeds``: lists of feeds."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.base import DONE, FAILED, Commands, config_of, console, now_of, root_of, say
from pipeline.event_log import some

if TYPE_CHECKING:
    from pipeline.feeds import Checked


def add(commands: Commands) -> None:
    """Add them."""
    feeds = commands.group("feeds", "lists of feeds: asked, found, taken over, and how they are doing")
    says = "ask each feed of the settings once, and say what it answers; nothing is written"
    check = feeds.add("check", do_check, says)
    check.add_argument("urls", nargs="*", metavar="URL", help="only these feeds, which need not be in the settings")
    check.add_argument("--json", action="store_true", help="one JSON object per feed")
    says = "find the feeds of a site and print them as tables for feeds.toml"
    feeds.add("discover", do_discover, says).add_argument("url", metavar="URL", help="a page of the site")
    says = "print the feeds of an OPML file as tables for feeds.toml"
    feeds.add("import", do_import, says).add_argument("file", type=Path, metavar="FILE", help="an OPML file")
    feeds.add("export", do_export, "print the feeds of the settings as OPML")
    says = "show when each feed was asked, when it is due, and what is wrong with it"
    status = feeds.add("status", do_status, says, commands.holding)
    status.add_argument("--json", action="store_true", help="one JSON object per feed")


def do_check(args: argparse.Namespace) -> int:
    """Ask feeds once and say what they answer: 1 where one of them cannot be used."""
    from pipeline import feeds
    from pipeline.inputs import find_inputs

    config = config_of(args)
    asked = find_inputs(args.urls, config=config).feeds if args.urls else feeds.of_settings(config)
    found = []
    with feeds.asking(config, now_of(args)) as asker:
        for checked in asker.check(asked):
            found.append(checked)
            if args.json:
                print(json.dumps(asdict(checked), ensure_ascii=False))
            else:
                print(_answer(checked), flush=True)
    faults = sum(checked.fault is not None for checked in found)
    print(f"{len(found)} feeds asked, {faults} cannot be used", file=sys.stderr)
    return FAILED if faults else DONE


def _answer(checked: Checked) -> str:
    if checked.fault:
        return f"{checked.url}: {checked.fault}"
    texts = f", {checked.with_text} of them with the article in the item" if checked.with_text else ""
    hosts = f"; pages on {some(checked.hosts)}" if checked.hosts else ""
    newest = f"; newest {checked.newest}" if checked.newest else ""
    return f"{checked.url}: {checked.format}, {checked.entries} entries{texts}{newest}{hosts}"


def do_discover(args: argparse.Namespace) -> int:
    """Find the feeds of a site."""
    from pipeline import feeds

    url = feeds.address(args.url)
    with feeds.asking(config_of(args), now_of(args)) as asker:
        found = asker.discover(url)
    if not found:
        return say(FAILED, f"{url}: names no feed, and none is where feeds often are; look for one on the site")
    print(feeds.tables_of(found), end="")
    return DONE


def do_import(args: argparse.Namespace) -> int:
    """Print the feeds of an OPML file as TOML."""
    from pipeline import feeds

    print(feeds.tables_from_opml(args.file), end="")
    return DONE


def do_export(args: argparse.Namespace) -> int:
    """Print the feeds of the settings as OPML."""
    from pipeline import feeds

    print(feeds.opml_of(config_of(args)), end="")
    return DONE


def do_status(args: argparse.Namespace) -> int:
    """Show how each feed of the settings is doing."""
    from rich.table import Table

    from pipeline import feeds

    standings = feeds.standings(root_of(args), config_of(args))
    if args.json:
        for standing in standings:
            print(json.dumps(asdict(standing), default=str, ensure_ascii=False))
        return DONE
    table = Table("outlet", "asked", "due", "something new", "waiting", "feed and what is wrong with it", box=None)
    for one in standings:
        moments = (_minute(at) for at in (one.polled_at, one.next_at, one.arrived_at))
        table.add_row(one.outlet, *moments, str(one.waiting or ""), "\n".join((one.url, *one.notices)))
    console().print(table)
    return DONE


def _minute(at: dt.datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"
