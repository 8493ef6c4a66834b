"""Feeds damaged at random: whatever comes, ``parse_feed`` gives entries that can be written or says why not.

``python -m tests.transforms.core.test_feed_fuzz --count 20000 --seed 1`` tries more of them than the suite does.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest

from schemas.feed import FeedDocument, FeedSource, ParsedFeed
from schemas.record import Outlet, TextFrom
from schemas.reject import Refused
from tests.conftest import REPOSITORY
from transforms.core.feeds import parse_feed

SEEDS = [path.read_bytes() for path in sorted((REPOSITORY / "tests" / "data" / "feeds").iterdir())]
IN_THE_SUITE = 1_500
LONGEST_SECONDS = 10.0
OUTCOMES = {"parsed", "NOT_A_FEED", "FEED_PARSE", "XML_FORBIDDEN"}

PIECES = [
    *(b"<item>", b"</item>", b"<entry>", b"</entry>", b"<channel>", b"<title>", b"</title>", b"<link>", b"<link/>"),
    *(b"<description>", b"</description>", b"<content:encoded>", b"<summary type='xhtml'>", b"<source>", b"<image>"),
    *(b"<tags>a</tags>", b"<authors>b</authors>", b"<links>c</links>", b"<content>d</content>", b"<author x='1'/>"),
    *(b"<title_detail>x</title_detail>", b"<updated_parsed>1</updated_parsed>", b"<media:description>", b"<svg>"),
    *(b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<!DOCTYPE rss [", b"<!ENTITY a 'b'>", b"&a;", b"&#0;", b"&#xD800;"),
    *(b"&#99999999999;", b"&nbsp;", b"&", b"<", b">", b'"', b"'", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b"xml:base='http://[::1/'", b"xml:lang=''", b"xmlns='x'", b"xmlns:media='x'", b"<?xml version='1.0'?>", b"{"),
    *(b"}", b"[", b"]", b",", b'"items":', b'"id": 1e999,', b"null", b"true", b'"\\ud800"', b"https://[::1/", b"%00"),
    *(b"javascript:x", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"-1", b"<feed>", b"</feed>"),
]
ENCODINGS = [
    *("utf-8", "utf-16", "utf-16-le", "utf-32", "iso-8859-1", "cp1252", "utf-7", "cp037", "iso2022_jp", "gb18030"),
    *("big5", "shift_jis", "hz", "koi8-r", "unicode_escape", "idna", "punycode", "rot13", "base64", "x-onbekend", ""),
]
NESTED = [
    b"<div>",
    b"<item>",
    b"<entry>",
    b"<content>",
    b"<author>",
    b"<source>",
    b"&lt;b&gt;",
    b"[",
    b'{"a":',
    b"<x:y>",
]

Mutation = Callable[[bytes, random.Random], bytes]


def place(raw: bytes, chance: random.Random) -> int:
    return chance.randrange(len(raw) + 1)


def flip(raw: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(min(len(damaged), chance.choice([1, 3, 20, 300]))):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def cut(raw: bytes, chance: random.Random) -> bytes:
    begin, end = sorted((place(raw, chance), place(raw, chance)))
    return chance.choice([raw[:begin], raw[begin:], raw[:begin] + raw[end:], raw[begin:end]])


def splice(raw: bytes, chance: random.Random) -> bytes:
    other, at = chance.choice(SEEDS), place(raw, chance)
    return raw[:at] + other[place(other, chance) :]


def insert(raw: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 2, 10])):
        at = place(raw, chance)
        raw = raw[:at] + chance.choice(PIECES) + raw[at:]
    return raw


def double_tags(raw: bytes, chance: random.Random) -> bytes:
    parts = raw.split(b"<")
    at = chance.randrange(len(parts))
    return b"<".join(parts[:at] + parts[at : at + 1] * chance.choice([2, 3, 50, 500]) + parts[at + 1 :])


def swap_tags(raw: bytes, chance: random.Random) -> bytes:
    parts = raw.split(b"<")
    one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
    parts[one], parts[other] = parts[other], parts[one]
    return b"<".join(parts)


def declare(raw: bytes, chance: random.Random) -> bytes:
    declaration = f'<?xml version="1.0" encoding="{chance.choice(ENCODINGS)}"?>'.encode()
    body = raw.partition(b"?>")[2] or raw
    return declaration + body


def recode(raw: bytes, chance: random.Random) -> bytes:
    codec = chance.choice(["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-7", "cp1252", "cp037", "iso2022_jp"])
    return raw.decode("utf-8", "replace").encode(codec, "replace")


def nest(raw: bytes, chance: random.Random) -> bytes:
    at = place(raw, chance)
    return raw[:at] + chance.choice(NESTED) * chance.choice([50] * 6 + [300, 300, 1_000, 5_000]) + raw[at:]


def lengthen(raw: bytes, chance: random.Random) -> bytes:
    at = place(raw, chance)
    return raw[:at] + chance.choice([b"a", b" ", b"&", b"<", b'"', b"9", b"a@", b"\xc3"]) * 3_000 + raw[at:]


MUTATIONS: list[Mutation] = [
    *(flip, cut, splice, insert, insert, double_tags, swap_tags, declare, recode, nest, lengthen),
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One damaged feed and what came of it: ``parsed``, a reason code, or the name of an error that got out."""

    number: int
    outcome: str
    seconds: float
    raw: bytes


def damaged(count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        raw = chance.choice(SEEDS)
        for _ in range(chance.choice([1, 1, 2, 4])):
            raw = chance.choice(MUTATIONS)(raw, chance)
        yield raw


def attempts(feeds: Iterable[bytes]) -> Iterator[Attempt]:
    for number, raw in enumerate(feeds):
        text = TextFrom.PAGE if number % 2 else TextFrom.ITEM
        source = FeedSource(url="https://feeds.example/a", outlet=Outlet(), text=text)
        begun = time.process_time()
        try:
            sound(parse_feed(FeedDocument(source, raw, "application/xml", "https://feeds.example/a")))
            outcome = "parsed"
        except Refused as refusal:
            outcome = refusal.reason.value
        except Exception as fault:
            # What this is here to find: the next feed is tried all the same.
            outcome = f"{type(fault).__name__}: {fault}"
        yield Attempt(number, outcome, time.process_time() - begun, raw)


def sound(feed: ParsedFeed) -> None:
    """Whether every entry can be written, hashed and known again."""
    marks = [entry.mark for entry in feed.entries]
    assert len(set(marks)) == len(marks)
    assert feed.format
    for entry in feed.entries:
        record = entry.record
        assert len(entry.mark) == 32
        assert record.raw
        for text in (record.ref, record.record, record.text, record.declared, record.outlet, feed.title):
            str(text).encode()
        assert "\0" not in (record.text or "") + (record.declared.title or "") + (record.declared.url or "")


def test_no_damage_lets_an_error_out() -> None:
    codes: Counter[str] = Counter()
    for attempt in attempts(damaged(IN_THE_SUITE, seed=7)):
        codes[attempt.outcome] += 1
        assert attempt.outcome in OUTCOMES, attempt.number
        assert attempt.seconds < LONGEST_SECONDS
    assert codes["parsed"] > IN_THE_SUITE / 2
    assert codes["NOT_A_FEED"]


@pytest.mark.parametrize("piece", NESTED)
def test_no_nesting_does(piece: bytes) -> None:
    halves = [raw.partition(b"itle") for raw in SEEDS[:3]]
    for attempt in attempts(before + piece * 10_000 + inside + after for before, inside, after in halves):
        assert attempt.outcome in OUTCOMES
        assert attempt.seconds < LONGEST_SECONDS


def test_the_same_seed_damages_in_the_same_way() -> None:
    assert list(damaged(30, seed=3)) == list(damaged(30, seed=3))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    codes: Counter[str] = Counter()
    slowest = Attempt(0, "", 0.0, b"")
    for attempt in attempts(damaged(chosen.count, chosen.seed)):
        codes[attempt.outcome] += 1
        slowest = max(slowest, attempt, key=lambda each: each.seconds)
    for outcome, count in codes.most_common():
        print(f"{count:7,}  {outcome}")
    print(f"slowest: {slowest.seconds:.2f} s, number {slowest.number}, {len(slowest.raw):,} bytes, {slowest.outcome}")


if __name__ == "__main__":
    main()
