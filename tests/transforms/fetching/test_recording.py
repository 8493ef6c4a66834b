"""A recording, read back by the library that wrote it and by the reader of the project."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import random
import threading
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from schemas.feed import Fetched, HostMemory, Wanted
from tests.transforms.fetching.loopback import Loopback, moved, policy, text
from transforms.fetching.client import Answer
from transforms.fetching.fetcher import Fetcher
from transforms.fetching.recording import METADATA, Recorder
from transforms.warc import WarcPage, read_warc

NOW = dt.datetime(2026, 11, 20, 6, 30, 15, 250_000, tzinfo=dt.UTC)
PAGE = "<!doctype html><title>Brug</title><p>De brug over de Leie is af, zegt José.</p>".encode()
NOTE = json.dumps(
    {"knipsel": {"page": {"url": "https://paper.example/é%20?", "line": "a\nb 100 %"}}}, ensure_ascii=False
)


def answer(number: int = 0, **changes: Any) -> Answer:
    packed = gzip.compress(PAGE, mtime=0)
    found = Answer(
        url=f"https://paper.example/{number}?q=%C3%A9",
        status=200,
        reason="OK",
        headers=(
            ("Content-Type", "text/html; charset=utf-8"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Encoding", "gzip"),
            ("X-Ort", "Köln"),
            ("content-length", "7"),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
        ),
        raw=packed,
        body=PAGE,
        fetched_at=NOW + dt.timedelta(seconds=number),
    )
    return replace(found, **changes)


def records(path: Path) -> Iterator[tuple[Any, bytes]]:
    with path.open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            yield record, record.raw_stream.read()


def test_a_recording_is_read_back_as_it_came(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with Recorder(folder, "run-1") as recorder:
        recorder.keep(answer(0), NOTE)
        recorder.keep(answer(1))
        assert not recorder.path.exists()
    assert [path.name for path in folder.iterdir()] == ["run-1.warc.gz"]

    (info, _), (first, raw), (second, _) = records(recorder.path)
    assert info.rec_type == "warcinfo"
    assert info.rec_headers.protocol == "WARC/1.1"
    assert info.rec_headers.get_header("WARC-Filename") == "run-1.warc.gz"
    assert (first.rec_type, second.rec_type) == ("response", "response")
    stated = dict(first.rec_headers.headers)
    assert stated["WARC-Target-URI"] == answer(0).url
    assert stated["WARC-Date"] == "2026-11-20T06:30:15.250000Z"
    assert stated["WARC-Payload-Digest"] == "sha1:" + b32encode(hashlib.sha1(answer().raw).digest()).decode()
    assert stated[METADATA].isascii()
    assert "\n" not in stated[METADATA]
    assert json.loads(stated[METADATA]) == json.loads(NOTE)
    assert second.rec_headers.get_header(METADATA) is None
    assert first.http_headers.protocol == "HTTP/1.1"
    assert first.http_headers.statusline == "200 OK"
    assert first.http_headers.headers == [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Encoding", "gzip"),
        ("X-Ort", "Köln"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("Content-Length", str(len(answer().raw))),
    ]
    assert raw == answer().raw


def test_the_project_reads_its_own_recordings(tmp_path: Path) -> None:
    with Recorder(tmp_path, "run-1") as recorder:
        recorder.keep(answer(0), NOTE)
        recorder.keep(answer(1, headers=(("Content-Type", "text/html"),), raw=PAGE))

    found = list(read_warc(recorder.path, page_bytes=100_000))

    assert all(isinstance(item, WarcPage) for item in found)
    assert [item.url for item in found] == [answer(0).url, answer(1).url]
    assert [item.html for item in found if isinstance(item, WarcPage)] == [PAGE, PAGE]
    assert [item.fetched_at for item in found if isinstance(item, WarcPage)] == [NOW, NOW + dt.timedelta(seconds=1)]


def test_each_record_is_a_member_and_every_digest_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Recorder(tmp_path, "run-1") as recorder:
        for number in range(3):
            recorder.keep(answer(number))

    class Arguments:
        inputs = (str(recorder.path),)
        verbose = False

    assert Checker(Arguments()).process_all() == 0
    data = recorder.path.read_bytes()
    starts = [at for at in range(len(data)) if data[at : at + 3] == b"\x1f\x8b\x08"]
    assert sum(gzip.decompress(data[at:]).startswith(b"WARC/1.1\r\n") for at in starts) == 4


def test_the_same_answers_make_the_same_file(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        with Recorder(tmp_path / folder, "run-1") as recorder:
            for number in range(3):
                recorder.keep(answer(number), NOTE)
    assert (tmp_path / "a" / "run-1.warc.gz").read_bytes() == (tmp_path / "b" / "run-1.warc.gz").read_bytes()


def test_without_answers_there_is_no_file(tmp_path: Path) -> None:
    Recorder(tmp_path / "none", "run-1").close()
    assert not list(tmp_path.iterdir())


def test_what_is_no_json_and_what_comes_too_late_is_an_error(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "run-1")
    with pytest.raises(ValueError, match="Expecting"):
        recorder.keep(answer(), "no json")
    recorder.keep(answer())
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.keep(answer())
    assert len(list(records(recorder.path))) == 2


def test_a_kill_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    killed = Recorder(tmp_path, "run-1")
    killed.keep(answer())
    assert not killed.path.exists()
    with Recorder(tmp_path, "run-1") as again:
        again.keep(answer(1))
    assert len(list(records(again.path))) == 2
    assert len(list(tmp_path.iterdir())) == 1
    killed._file.close()


def test_a_file_that_cannot_be_written_is_told_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        Recorder(tmp_path / "file", "run-1").keep(answer())
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    recorder = Recorder(tmp_path, "run-1")
    (tmp_path / ".run-1.warc.gz.tmp").symlink_to(full)
    # More than what lies in buffers until the file is written to.
    noise = random.Random(1).randbytes(1_000_000)
    with pytest.raises(OSError, match="No space left"):
        recorder.keep(answer(raw=noise))
    with pytest.raises(OSError, match="No space left"):
        recorder.close()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_recording_that_broke_off_is_not_kept(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "run-1")
    recorder.keep(answer())
    with pytest.raises(UnicodeEncodeError):
        recorder.keep(answer(reason="\udcff"))
    recorder.close()
    assert not list(tmp_path.iterdir())


def test_threads_share_a_recording(tmp_path: Path) -> None:
    def work(at: int) -> None:
        for number in range(20):
            recorder.keep(answer(at + number))

    with Recorder(tmp_path, "run-1") as recorder:
        threads = [threading.Thread(target=work, args=(at,)) for at in (0, 100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = [record.rec_headers.get_header("WARC-Target-URI") for record, _ in records(recorder.path)][1:]
    assert sorted(found) == sorted(answer(at + number).url for at in (0, 100, 200) for number in range(20))


def test_addresses_that_are_no_ascii_are_encoded(tmp_path: Path) -> None:
    with Recorder(tmp_path, "run-1") as recorder:
        recorder.keep(answer(url="https://paper.example/é\udcff b"))
    [_, (record, _)] = records(recorder.path)
    assert record.rec_headers.get_header("WARC-Target-URI") == "https://paper.example/%C3%A9%ED%B3%BF%20b"


def test_a_fetcher_records_what_it_gives_out_and_nothing_else(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "run-1")
    with Loopback() as server:
        server.serve(1, "/a", text(gzip.compress(PAGE), Content_Encoding="gzip"))
        server.serve(1, "/b", moved(server.url(2, "/c")))
        server.serve(2, "/c", text(PAGE))
        server.serve(1, "/d", text("", status=404))
        server.serve(1, "/e", text("", status=304))
        hosts = {server.host(1): HostMemory(robots_at=NOW)}
        with Fetcher(policy(server.port), clock=lambda: NOW, hosts=hosts, recorder=recorder) as fetching:
            flow = fetching.flow(in_flight=2)
            for path in "abde":
                etag = '"1"' if path == "e" else None
                url = server.url(1, f"/{path}")
                flow.put(Wanted(url, accept="*/*", most_bytes=10_000, etag=etag, note=json.dumps({"was": path})))
            assert sum(isinstance(result, Fetched) for _, result in flow.drain()) == 3
        found = list(read_warc(recorder.path, page_bytes=10_000))
        notes = [record.rec_headers.get_header(METADATA) for record, _ in records(recorder.path)][1:]
        urls = {server.url(1, "/a"), server.url(2, "/c")}

    assert {item.url for item in found} == urls
    assert [item.html for item in found if isinstance(item, WarcPage)] == [PAGE, PAGE]
    assert sorted(notes) == ['{"was":"a"}', '{"was":"b"}']
