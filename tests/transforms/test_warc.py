"""WARC files, sound and damaged: what is whole is read, what is not is named, nothing is read twice."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import random
from functools import cache
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reject import Reason
from tests.transforms.warcs import PAGE_BYTES, crawl, gaps, html, http, one, page, pages, raw, read, record
from transforms.warc import WarcGap, WarcItem, WarcPage, WarcSkipped, read_warc

SPOTS = 300
LAYOUTS = ("plain", "packed")


def stretches(items: list[WarcItem]) -> list[tuple[Reason, int, int]]:
    return [(gap.reason, gap.offset, gap.offset + gap.raw_bytes) for gap in gaps(items)]


@cache
def laid_out(layout: str) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """A crawl of 12 records as a file, and where in it each record begins and ends."""
    blocks = [part.plain if layout == "plain" else part.packed for part in crawl()]
    ends = list(accumulate(map(len, blocks)))
    return b"".join(blocks), tuple(zip([0, *ends], ends, strict=False))


def resumes(data: bytes, items: list[WarcItem]) -> bool:
    return all(read(data, item.next_start) == items[number:] for number, item in enumerate(items, start=1))


# Sound files


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_page_of_a_crawl_is_read_with_what_is_known_of_it(layout: str, tmp_path: Path) -> None:
    data, spans = laid_out(layout)
    path = tmp_path / "crawl.warc"
    path.write_bytes(data)

    found = list(read_warc(path, page_bytes=PAGE_BYTES))

    parts = crawl()
    expected = [(part.url, part.html, span[0]) for part, span in zip(parts, spans, strict=True) if part.url]
    assert [(item.url, item.html, item.offset) for item in pages(found)] == expected
    assert len(found) == len(expected) == 6
    first = pages(found)[0]
    assert first.fetched_at == dt.datetime(2026, 11, 20, 6, 30, tzinfo=dt.UTC)
    assert first.charset == "utf-8"
    assert first.record_id
    assert first.record_id.startswith("urn:uuid:")
    assert first.place == str(spans[1][0])
    assert found == read(data)
    assert resumes(data, found)


@pytest.mark.parametrize("size", [1, 3, 12])
def test_several_records_may_share_a_member(size: int) -> None:
    blocks = [part.plain for part in crawl()]
    data = b"".join(gzip.compress(b"".join(blocks[at : at + size])) for at in range(0, len(blocks), size))

    found = read(data)

    assert [item.html for item in pages(found)] == [part.html for part in crawl() if part.url]
    assert len({item.place for item in found}) == len(found) == 6
    assert resumes(data, found)


def test_a_member_too_large_to_be_held_is_read_as_well() -> None:
    blocks = [part.plain for part in crawl()]
    filler = record(random.Random(1).randbytes(900_000), headers=[("Content-Type", "video/mp4")])
    data = gzip.compress(b"".join([*blocks[:4], filler, *blocks[4:]]), compresslevel=1)

    found = read(data, page_bytes=4_000)

    assert [item.html for item in pages(found)] == [part.html for part in crawl() if part.url]
    assert [item.reason for item in found if isinstance(item, WarcSkipped)] == [Reason.NOT_HTML]
    assert all(read(data, item.next_start, 4_000) == found[n:] for n, item in enumerate(found, start=1))


def test_an_empty_member_is_no_gap() -> None:
    assert [type(item) for item in read(gzip.compress(page(1).plain) + gzip.compress(b""))] == [WarcPage]


@settings(max_examples=40, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=400), max_size=6),
    urls=st.lists(st.from_regex(r"https://[a-z]{1,9}\.example/[a-zé0-9?=&%]{0,30}", fullmatch=True), min_size=6),
    layout=st.sampled_from(["plain", "packed", "shared"]),
)
def test_what_is_written_is_read(bodies: list[bytes], urls: list[str], layout: str) -> None:
    # Hypothesis is fond of bodies that are empty or begin as gzip does: a letter before them makes pages of them.
    bodies = [b"x" + body for body in bodies]
    records = [record(body, url=url) for body, url in zip(bodies, urls, strict=False)]
    if layout == "shared":
        data = gzip.compress(b"".join(records))
    else:
        data = b"".join(map(gzip.compress, records) if layout == "packed" else records)

    found = read(data)

    if records:
        assert [(item.url, item.html) for item in pages(found)] == list(zip(urls, bodies, strict=False))
        assert len(found) == len(records)
        assert resumes(data, found)


# Damaged files


def cut_at(layout: str, cut: int) -> None:
    data, spans = laid_out(layout)
    whole = pages(read(data))
    found = read(data[:cut])
    # In an uncompressed file a record is whole without the empty lines that end it.
    spare = 4 if layout == "plain" else 0
    ends = dict(spans)
    expected = [item for item in whole if ends[item.offset] - spare <= cut]
    assert [(i.url, i.html, i.offset) for i in pages(found)] == [(i.url, i.html, i.offset) for i in expected]
    if cut in ends and cut:
        assert len(found) == len(expected)
    else:
        assert [(reason, end) for reason, _, end in stretches(found)] == [(Reason.WARC_TRUNCATED, cut)]
        assert isinstance(found[-1], WarcGap)
    if not cut % 7:
        assert resumes(data[:cut], found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_cut_anywhere_gives_its_whole_records_and_names_the_rest(layout: str) -> None:
    data, spans = laid_out(layout)
    chance = random.Random(32)
    cuts = [chance.randrange(len(data)) for _ in range(SPOTS)]
    for cut in cuts + [
        edge + off for edge, _ in spans for off in (-5, -4, -3, -2, -1, 0, 1, 2, 9) if edge + off >= 0
    ]:
        cut_at(layout, cut)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_flipped_bit_costs_no_record_but_its_own(layout: str) -> None:
    data, spans = laid_out(layout)
    whole = pages(read(data))
    chance = random.Random(33)
    for _ in range(SPOTS):
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        flipped = bytearray(data)
        flipped[place] ^= 1 << bit
        found = read(bytes(flipped))
        begin, end = next(span for span in spans if span[0] <= place < span[1])

        def elsewhere(items: list[WarcPage], begin: int = begin) -> list[WarcPage]:
            return [item for item in items if item.offset != begin]

        mine = [item for item in pages(found) if item.offset == begin]
        before = [item for item in whole if item.offset == begin]
        assert elsewhere(pages(found)) == elsewhere(whole)
        assert [item.html for item in mine] in ([], [item.html for item in before])
        assert len({item.place for item in found}) == len(found)
        named = [gap for gap in gaps(found) if begin <= gap.offset and gap.offset + gap.raw_bytes <= end]
        assert len(named) == len(gaps(found)) <= 1
        if layout == "packed":
            # The checksum covers all but time, level and system in the header of a member, which nobody reads.
            assert mine == before if not named else not mine and stretches(found)[0][1:] == (begin, end)
            assert named or begin + 4 <= place < begin + 10 or place == begin + 3
        else:
            # Nothing covers the header of an uncompressed record; a page comes or the record is named.
            assert mine or named or not before or len(found) == len(whole)
        if not place % 5:
            assert resumes(bytes(flipped), found)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("junk", [b"\0" * 3_000, b"\x1f\x8b\x08" * 500, b"WARC/1.0\r\n" * 200, b"<p>verloren</p>\n"])
def test_junk_between_records_is_one_gap(layout: str, junk: bytes) -> None:
    data, spans = laid_out(layout)
    edge = spans[5][0]
    for at in (0, edge, len(data)):
        damaged = data[:at] + junk + data[at:]

        found = read(damaged)

        # At the end of the file, the beginnings of members and records are those of one that is cut.
        begun = at == len(data) and junk.startswith((b"\x1f", b"WARC"))
        reason = {gap.reason for gap in gaps(found)}.pop() if begun else Reason.WARC_DAMAGED
        assert stretches(found) == [(reason, at, at + len(junk))]
        assert [item.html for item in pages(found)] == [item.html for item in pages(read(data))]
        assert resumes(damaged, found)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("length", [1, 40, 512, 4_096])
def test_a_stretch_of_zeros_costs_the_records_that_it_touches(layout: str, length: int) -> None:
    data, spans = laid_out(layout)
    for at in range(0, len(data) - length, 331):
        damaged = data[:at] + b"\0" * length + data[at + length :]
        if damaged == data:
            continue
        found = read(damaged)
        touched = {begin for begin, end in spans if begin < at + length and at < end}
        intact = [item for item in pages(read(data)) if item.offset not in touched]
        assert [item for item in pages(found) if item.offset not in touched] == intact
        for item in pages(found):
            assert any(item.html == part.html for part in crawl())
        if layout == "packed" and not all(at + length <= begin + 10 for begin in touched):
            assert gaps(found)
        assert resumes(damaged, found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_byte_of_a_damaged_file_is_accounted_for(layout: str) -> None:
    data, spans = laid_out(layout)
    damaged = bytearray(data)
    for number in (1, 4, 5, 11):
        begin, end = spans[number]
        damaged[(begin + end) // 2] ^= 0x10

    found = gaps(read(bytes(damaged)))

    by_digest = [number for number in (1, 4, 5, 11) if layout == "packed" or crawl()[number].url]
    assert [(gap.offset, gap.offset + gap.raw_bytes) for gap in found] == [spans[number] for number in by_digest]
    assert all(gap.reason is Reason.WARC_DAMAGED for gap in found)
    assert "from offset" in found[0].message


def test_nothing_in_a_damaged_member_is_trusted() -> None:
    data = gzip.compress(b"".join(part.plain for part in crawl()))
    wrong = data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]

    assert stretches(read(wrong)) == [(Reason.WARC_DAMAGED, 0, len(wrong))]
    assert not pages(read(wrong))


def test_the_whole_records_of_a_member_that_the_file_ends_in_count() -> None:
    parts = crawl()
    data = gzip.compress(b"".join(part.plain for part in parts))
    for cut in range(0, len(data), 11):
        found = read(data[:cut])
        got = [item.html for item in pages(found)]
        assert got == [part.html for part in parts if part.url][: len(got)]
        assert stretches(found) == [(Reason.WARC_TRUNCATED, 0, cut)]
        assert resumes(data[:cut], found)
    assert len(pages(read(data[:-1]))) == 5


@pytest.mark.parametrize("wrong", [-400, -1, 1, 5_000])
def test_a_wrong_length_costs_one_record(wrong: int) -> None:
    block = http(html(3))
    bad = raw(block, length=len(block) + wrong)
    plain = page(1).plain + bad + page(2).plain

    found = read(plain)

    begin = len(page(1).plain)
    assert stretches(found) == [(Reason.WARC_DAMAGED, begin, begin + len(bad))]
    assert gaps(found)[0].url == "https://nieuws.example/1"
    assert [item.html for item in pages(found)] == [html(1), html(2)]
    assert resumes(plain, found)

    packed = [page(1).packed, gzip.compress(bad), page(2).packed]
    found = read(b"".join(packed))
    assert [item.html for item in pages(found)] == [html(1), html(2)]
    assert [item.offset for item in found] == [0, len(packed[0]), len(packed[0]) + len(packed[1])]
    other = found[1]
    assert isinstance(other, WarcGap | WarcSkipped)
    assert other.reason is (Reason.TRUNCATED if wrong == 5_000 else Reason.WARC_DAMAGED)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"WARC-Type: response", b"WARC-Type: respomse"),
        (b"WARC-Type", b"WARC-Typo"),
        (b"Content-Length: ", b"Content-Lemgth: "),
        (b"WARC-Target-URI", b"WARC-Targat-URI"),
        (b"\r\nWARC-Date:", b"\r\nWARC-Date;"),
        (b"\r\nWARC-Date:", b"\x0f\nWARC-Date:"),
        (b"WARC/1.0", b"WARC/1,0"),
    ],
)
def test_a_damaged_warc_header_is_a_gap_and_no_record_of_another_type(old: bytes, new: bytes) -> None:
    bad = raw(http(html(3))).replace(old, new, 1)
    data = page(1).plain + bad + page(2).plain
    begin = len(page(1).plain)
    assert stretches(read(data)) == [(Reason.WARC_DAMAGED, begin, begin + len(bad))]
    assert len(pages(read(data))) == 2


def test_a_member_that_is_no_record_is_a_gap() -> None:
    found = read(page(1).packed + gzip.compress(b"bladvulling" * 9) + page(2).packed)
    assert [type(item) for item in found] == [WarcPage, WarcGap, WarcPage]
    assert gaps(found)[0].reason is Reason.WARC_DAMAGED


def test_a_file_that_is_no_warc_is_one_gap() -> None:
    assert stretches(read(b"%PDF-1.7 niets")) == [(Reason.WARC_DAMAGED, 0, 14)]
    assert stretches(read(b"")) == [(Reason.WARC_TRUNCATED, 0, 0)]


def test_a_record_without_a_digest_is_read_and_one_with_another_algorithm_too() -> None:
    block = http(html(1))
    assert isinstance(one(raw(block)), WarcPage)
    assert isinstance(one(raw(block, extra=b"WARC-Block-Digest: blake3:AAAA\r\n")), WarcPage)
    assert isinstance(one(raw(block, extra=b"WARC-Block-Digest: sha1:AAAA\r\n")), WarcGap)
    sha256 = hashlib.sha256(block).hexdigest().encode()
    assert isinstance(one(raw(block, extra=b"WARC-Block-Digest: sha256:" + sha256 + b"\r\n")), WarcPage)


def test_the_digest_of_a_payload_is_not_held_against_another_form_of_it() -> None:
    digest = b"WARC-Payload-Digest: sha1:" + b"A" * 32 + b"\r\n"
    assert isinstance(one(raw(http(html(1)), extra=digest)), WarcGap)
    stored = http(html(1), "Content-Type: text/html", "Content-Encoding: gzip")
    assert isinstance(one(raw(stored, extra=digest)), WarcPage)
