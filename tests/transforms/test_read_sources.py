from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from pipeline.build import fetching_of
from pipeline.settings import load
from schemas.feed import FeedDocument, FeedSource
from schemas.record import Cursor, Declared, InputKind, Left, Outlet, Record, SourceFile, TextFrom
from schemas.reject import Reason, Reject, fingerprint
from tests.conftest import NOW
from tests.pipeline.pages import record, url, write_warc
from transforms.core.text import CHARSET_GUESSED, REPLACED_CHARACTERS
from transforms.parse_feeds import load_parser
from transforms.pool import Workers
from transforms.read_sources import ReadSources, read_file
from transforms.stage import Chain, Stage

LIMIT = 1_000
PARSER = Chain([Stage("parse", load_parser, Reason.FEED_PARSE)])

FEED = (
    '<rss version="2.0"><channel><title>Bode</title><link>https://zuidkade.example/</link>'
    "<item><title>Brug</title><guid>1</guid><description>Open.</description></item>"
    "<item><title>Kermis</title><guid>2</guid><description>Woensdag.</description></item></channel></rss>"
)


def some_lines(count: int) -> bytes:
    """Lines that compress badly, so that a cut falls between them."""
    words = ["".join(random.Random(n).choices("abcdefghij ", k=300)) for n in range(count)]
    return b"".join(json.dumps({"id": n, "text": word}).encode() + b"\n" for n, word in enumerate(words))


def read(folder: Path, name: str, raw: bytes, kind: InputKind = InputKind.TXT) -> list[Record | Reject]:
    path = folder / name
    path.write_bytes(raw)
    file = SourceFile(kind, str(path), name, Outlet(source_id="zuidkade"))
    return whole(file)


def whole(file: SourceFile, feed_bytes: int = 2 * LIMIT) -> list[Record | Reject]:
    found: list[Record | Reject] = []
    for item in read_file(file, text_bytes=LIMIT, feed_bytes=feed_bytes):
        assert not isinstance(item, Left)
        if isinstance(item, FeedDocument):
            parsed = PARSER(item)
            found += [parsed] if isinstance(parsed, Reject) else [entry.record for entry in parsed.entries]
        else:
            found.append(item)
    return found


def one(found: list[Record | Reject]) -> Record:
    (record,) = found
    assert isinstance(record, Record)
    return record


def letters(found: list[Record | Reject]) -> list[Reject]:
    return [item for item in found if isinstance(item, Reject)]


def records(found: list[Record | Reject]) -> list[Record]:
    return [item for item in found if isinstance(item, Record)]


def test_a_text(tmp_path: Path) -> None:
    raw = b" date 2026-11 De brug is open.\n"
    path = str(tmp_path / "brug.txt")
    assert read(tmp_path, "brug.txt", raw) == [
        Record(
            InputKind.TXT,
            path,
            "brug.txt",
            Outlet(source_id="zuidkade"),
            Declared(guid="brug.txt"),
            raw,
            text=" date 2026-11 De brug is open.\n",
        )
    ]


def test_a_page_is_not_decoded_yet(tmp_path: Path) -> None:
    record = one(read(tmp_path, "brug.html", b"<p>Caf\xe9", InputKind.HTML))
    assert (record.html, record.text, record.charset) == (b"<p>Caf\xe9", None, None)


@pytest.mark.parametrize(
    ("raw", "text", "flags"),
    [
        ("\ufeffCafé".encode(), "Café", ()),
        ("Café aan de kade".encode("utf-16"), "Café aan de kade", ()),
        ("Café “Kade”".encode("cp1252"), "Café “Kade”", (CHARSET_GUESSED,)),
        (b"brug\x00open", "brug\ufffdopen", (REPLACED_CHARACTERS,)),
    ],
)
def test_encodings(tmp_path: Path, raw: bytes, text: str, flags: tuple[str, ...]) -> None:
    record = one(read(tmp_path, "a.txt", raw))
    assert (record.text, record.flags, record.raw) == (text, flags, raw)


@pytest.mark.parametrize(
    ("name", "kind", "raw"),
    [
        ("a.txt", InputKind.TXT, b"De brug is open."),
        ("a.html", InputKind.HTML, b"<p>De brug is open."),
        ("a.jsonl", InputKind.JSONL, some_lines(20)),
        ("a.xml", InputKind.FEED, FEED.encode()),
    ],
)
def test_compressed_files_read_like_plain_ones(tmp_path: Path, name: str, kind: InputKind, raw: bytes) -> None:
    plain = records(read(tmp_path, name, raw, kind))
    half = len(raw) // 2
    packed = {
        name + ".gz": gzip.compress(raw),
        name.upper() + ".GZ": gzip.compress(raw),
        "two-" + name + ".gz": gzip.compress(raw[:half]) + gzip.compress(raw[half:]),
        "padded-" + name + ".gz": gzip.compress(raw) + b"\x00" * 100,
    }
    for other, content in packed.items():
        found = records(read(tmp_path, other, content, kind))
        assert [(r.text, r.html, r.raw) for r in found] == [(r.text, r.html, r.raw) for r in plain]


@pytest.mark.parametrize("kind", [kind for kind in InputKind if kind not in (InputKind.WARC, InputKind.PAGE)])
@pytest.mark.parametrize("raw", [b"", b" \n\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_empty_files_are_counted(tmp_path: Path, kind: InputKind, raw: bytes, packed: bool) -> None:
    name = "leeg.gz" if packed else "leeg"
    (letter,) = letters(read(tmp_path, name, gzip.compress(raw) if packed else raw, kind))
    assert letter.code == (Reason.NOT_A_FEED if kind is InputKind.FEED else Reason.EMPTY)
    assert (letter.stage, letter.source_id, letter.input_ref) == (
        "parse" if kind is InputKind.FEED else "read",
        "zuidkade",
        str(tmp_path / name),
    )


def test_a_gzip_file_of_no_bytes_is_empty(tmp_path: Path) -> None:
    assert [x.code for x in letters(read(tmp_path, "leeg.jsonl.gz", b"", InputKind.JSONL))] == [Reason.EMPTY]


def test_binary_files(tmp_path: Path) -> None:
    raw = random.Random(2).randbytes(800)
    (letter,) = letters(read(tmp_path, "foto.txt", raw))
    assert (letter.code, letter.raw_sha256, letter.raw_bytes) == (Reason.BAD_ENCODING, fingerprint(raw), 800)


@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_lines_before_a_cut_in_a_gzip_stream_are_kept(tmp_path: Path, keep: float) -> None:
    raw = some_lines(200)
    packed = gzip.compress(raw, mtime=0)
    found = read(tmp_path, "a.jsonl.gz", packed[: int(len(packed) * keep)], InputKind.JSONL)
    assert [r.declared.guid for r in records(found)] == [str(n) for n in range(len(found) - 1)]
    assert 200 * keep - 10 < len(found) < 200 * keep + 10
    assert [x.code for x in letters(found)] == [Reason.GZIP_BAD]
    assert isinstance(found[-1], Reject)


def test_lines_before_a_damaged_block_are_kept(tmp_path: Path) -> None:
    raw = some_lines(400)
    packed = bytearray(gzip.compress(raw, mtime=0))
    middle = len(packed) // 2
    packed[middle : middle + 64] = b"\xff" * 64
    found = read(tmp_path, "a.jsonl.gz", bytes(packed), InputKind.JSONL)
    assert Reason.GZIP_BAD in {x.code for x in letters(found)}
    assert [r.declared.guid for r in records(found)][:100] == [str(n) for n in range(100)]


@pytest.mark.parametrize("end", [-8, -1, 5])
def test_a_missing_end_or_body_is_said(tmp_path: Path, end: int) -> None:
    packed = gzip.compress(b"De brug is open.")
    assert [x.code for x in letters(read(tmp_path, "a.txt.gz", packed[:end]))] == [Reason.GZIP_BAD]


def test_a_wrong_checksum_is_said(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(some_lines(5)))
    packed[-6] ^= 1
    found = read(tmp_path, "a.jsonl.gz", bytes(packed), InputKind.JSONL)
    assert (len(records(found)), [x.code for x in letters(found)]) == (5, [Reason.GZIP_BAD])


@pytest.mark.parametrize("raw", [b"De brug is open.", gzip.compress(b"a", mtime=0) + b"rest"])
def test_what_is_no_gzip(tmp_path: Path, raw: bytes) -> None:
    assert [x.code for x in letters(read(tmp_path, "a.txt.gz", raw))] == [Reason.GZIP_BAD]


def test_files_at_and_over_the_limit(tmp_path: Path) -> None:
    assert one(read(tmp_path, "a.txt", b"x" * LIMIT)).text == "x" * LIMIT
    for name, kind, raw in (
        ("a.txt", InputKind.TXT, b"x" * (LIMIT + 1)),
        ("a.html", InputKind.HTML, b"x" * (LIMIT + 1)),
        ("a.xml", InputKind.FEED, FEED.encode().ljust(2 * LIMIT + 1)),
        ("bomb.txt.gz", InputKind.TXT, gzip.compress(b"x" * 5_000_000)),
    ):
        assert [x.code for x in letters(read(tmp_path, name, raw, kind))] == [Reason.TOO_LARGE]
    assert len(records(read(tmp_path, "a.xml", FEED.encode().ljust(2 * LIMIT), InputKind.FEED))) == 2


@pytest.mark.parametrize("packed", [False, True])
def test_over_long_lines_cost_themselves_alone(tmp_path: Path, packed: bool) -> None:
    long = b'{"text": "' + b"x" * 3_000_000 + b'"}'
    fits = b'{"text": "' + b"y" * (LIMIT - 12) + b'"}'
    raw = b"\n".join([b'{"text": "a"}', long, b"", fits, b'{"text": ', long[: LIMIT + 1]])
    found = read(
        tmp_path, "a.jsonl.gz" if packed else "a.jsonl", gzip.compress(raw) if packed else raw, InputKind.JSONL
    )
    assert [r.ref.rpartition("#")[2] for r in records(found)] == ["1", "4"]
    assert [(x.code, x.input_ref.rpartition("#")[2], x.raw_bytes) for x in letters(found)] == [
        (Reason.TOO_LARGE, "2", len(long) + 1),
        (Reason.JSONL_BAD, "5", 10),
        (Reason.TOO_LARGE, "6", LIMIT + 1),
    ]


def test_bad_lines_name_themselves_and_cost_nothing_else(tmp_path: Path) -> None:
    raw = b'{"text": "a"}\r\n{"text": 1}\r\n\r\n{"txt": "b"}\nnull\n{"text": ""}\n{"text": "c"}'
    found = read(tmp_path, "a.jsonl", raw, InputKind.JSONL)
    assert [(r.ref.rpartition("#")[2], r.text) for r in records(found)] == [("1", "a"), ("7", "c")]
    assert [(x.code, x.input_ref.rpartition("#")[2]) for x in letters(found)] == [
        *((Reason.JSONL_BAD, "2"), (Reason.JSONL_BAD, "4"), (Reason.JSONL_BAD, "5"), (Reason.EMPTY, "6")),
    ]
    assert letters(found)[0].raw_sha256 == fingerprint(b'{"text": 1}\r\n')


def test_a_feed_is_handed_on_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.xml"
    path.write_text(FEED, "utf-8")
    outlet = Outlet(source_id="zk", feed_url="feeds/f.xml")
    stated = SourceFile(InputKind.FEED, str(path), "f.xml", outlet, text=TextFrom.PAGE)
    (document,) = read_file(stated, text_bytes=10, feed_bytes=LIMIT)
    assert document == FeedDocument(FeedSource(str(path), outlet, TextFrom.PAGE), FEED.encode())
    (letter,) = read_file(stated, text_bytes=10, feed_bytes=10)
    assert isinstance(letter, Reject)
    assert (letter.code, letter.feed_url, letter.source_id) == (Reason.TOO_LARGE, "feeds/f.xml", "zk")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "weg.txt", tmp_path):
        (letter,) = letters(whole(SourceFile(InputKind.TXT, str(path), "x")))
        assert (letter.code, letter.input_ref) == (Reason.READ_ERROR, str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_without_permission(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch(0o000)
    found = whole(SourceFile(InputKind.TXT, str(tmp_path / "a.txt"), "x"))
    assert [x.code for x in letters(found)] == [Reason.READ_ERROR]


def in_parts(file: SourceFile, **most: Any) -> Iterator[list[Record | Reject]]:
    """The file read part by part, each from where the one before was left."""
    start: Cursor | None = Cursor()
    while start is not None:
        part, disk = list(read_file(replace(file, start=start, **most), text_bytes=LIMIT, feed_bytes=LIMIT)), start
        start = None
        if isinstance(part[-1], Left):
            assert part[-1].path == file.path
            start = part.pop().cursor  # type: ignore[union-attr]  # what stands last was looked at
            assert start.offset > disk.offset
        yield [item for item in part if isinstance(item, Record | Reject)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("most", [1, 2, 3, 7, 8])
def test_parts_of_files_of_lines_come_to_the_whole(tmp_path: Path, packed: bool, most: int) -> None:
    long = b'{"text": "' + b"x" * 3_000 + b'"}\n'
    raw = some_lines(3) + b"\n" + long + b"{\n\n" + some_lines(3) + b"\n"
    path = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    file = SourceFile(InputKind.JSONL, str(path), path.name)
    parts = list(in_parts(file, most_records=most))
    assert [item for part in parts for item in part] == whole(file)
    assert [len(part) for part in parts[:-1]] == [most] * (len(parts) - 1)
    assert 0 < len(parts[-1]) <= most


def test_parts_of_a_warc_file_come_to_the_whole(tmp_path: Path) -> None:
    made = [record(n, b"<p>De brug is open." + b"." * n, "image/png" if n == 3 else "text/html") for n in range(9)]
    for name in ("a.warc", "a.warc.gz"):
        file = SourceFile(InputKind.WARC, str(write_warc(tmp_path / name, made)), name)
        found = whole(file)
        assert [item.code for item in letters(found)] == [Reason.NOT_HTML]
        for most in (1, 4, 9):
            assert [item for part in in_parts(file, most_records=most) for item in part] == found
        assert len(list(in_parts(file, most_bytes=1))) == 8, "counted is what lies before the last record"
        page = records(found)[2]
        assert (page.declared.url, page.record, page.charset) == (url(2), url(2), None)
        assert page.declared.fetched_at == dt.datetime(2026, 11, 19, 6, tzinfo=dt.UTC)
        assert page.ref.startswith(f"{file.path}#")
        assert page.html == page.raw == b"<p>De brug is open..."


def test_in_a_graph_every_record_carries_its_event_time(tmp_path: Path) -> None:
    lines = [
        {"id": "day", "text": "a", "published": "2026-11-19"},
        {"id": "zone", "text": "a", "published": "2026-11-19 12:00", "timezone": "Europe/Amsterdam"},
        {"id": "old", "text": "a", "published": "1901-01-01"},
        {"id": "absurd", "text": "a", "published": "9999-12-31T23:59:59-05:00"},
        {"id": "fetched", "text": "a", "published": "ooit", "fetched_at": "2026-11-18T06:00:00Z"},
        {"id": "none", "text": "a"},
        {"id": "bad", "text": ""},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    (tmp_path / "leeg.txt").touch()
    files = [
        SourceFile(InputKind.JSONL, str(tmp_path / "a.jsonl"), "a.jsonl"),
        SourceFile(InputKind.TXT, str(tmp_path / "leeg.txt"), "leeg.txt"),
    ]
    (tmp_path / "f.xml").write_text(FEED, "utf-8")
    feed = SourceFile(InputKind.FEED, str(tmp_path / "f.xml"), "f.xml")
    stamp = beam.Map(
        lambda record, at=beam.DoFn.TimestampParam: (
            record.declared.guid,
            at.to_utc_datetime(has_tz=True).isoformat(),
        )
    )
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        reading = ReadSources(
            now=NOW,
            text_bytes=LIMIT,
            feed_bytes=LIMIT,
            fetching=fetching_of(load().settings, NOW),
            workers=Workers(0, 8.0, 1 << 30),
        )
        read = pipeline | beam.Create([*files, feed]) | reading
        times = {
            "day": dt.datetime(2026, 11, 19, tzinfo=dt.UTC),
            "zone": dt.datetime(2026, 11, 19, 11, tzinfo=dt.UTC),
            "old": dt.datetime(1901, 1, 1, tzinfo=dt.UTC),
            "absurd": NOW,
            "fetched": dt.datetime(2026, 11, 18, 6, tzinfo=dt.UTC),
            "none": NOW,
            "1": NOW,
            "2": NOW,
        }
        expected = [(guid, moment.isoformat()) for guid, moment in times.items()]
        assert_that(read.records | stamp, equal_to(expected), label="records")
        codes = read.unread | "codes" >> beam.Map(lambda letter: str(letter.code))
        assert_that(codes, equal_to(["EMPTY", "EMPTY"]), label="rejects")
