"""Runs over the test press: a real HTTP server on loopback, real runs, the Parquet read back."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from pipeline.cli import main
from pipeline.feed_state import FeedState
from pipeline.ledger import current_state
from tests.press import Article, Fault, Kind, Press

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
DELAY = 0.05
JITTER = 0.02
"""So much later than it came a busy machine may note a request, and the next one in time."""


def rows(root: Path, table: str = "articles") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        ds.dataset(root / table, partitioning="hive", format="parquet").to_table().to_pylist()
    )
    return found


class Nights:
    """Runs one after the other over the feeds of a press, into one root."""

    def __init__(self, folder: Path, press: Press, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = folder / "out"
        self.press = press
        self._capsys = capsys
        self._config = press.write_config(folder, DELAY)

    def run(self, *more: str, now: dt.datetime = NOW, root: Path | None = None) -> dict[str, Any]:
        """One run, and the object that it prints last."""
        words = ["run", "--root", str(root or self.root), "--json", "--now", now.isoformat(), "--workers", "2"]
        self._capsys.readouterr()
        assert main([*words, "--config", str(self._config), "--debug", *more]) == 0
        out, self.said = self._capsys.readouterr()
        summary: dict[str, Any] = json.loads(out.splitlines()[-1])
        return summary

    def say(self, *words: str) -> str:
        """What another command prints."""
        self._capsys.readouterr()
        assert main([*words, "--config", str(self._config)]) == 0
        return self._capsys.readouterr().out

    def state(self) -> FeedState:
        return FeedState.from_json(current_state(self.root))


def books(summary: dict[str, Any]) -> tuple[int, int, int, int, int]:
    read, written, duplicate, filtered, rejected = (
        summary[name] for name in ("read", "written", "duplicate", "filtered", "rejected")
    )
    return read, written, duplicate, filtered, rejected


def codes(summary: dict[str, Any]) -> set[tuple[str, str]]:
    return {(notice["code"], notice["about"]) for notice in summary["notices"]}


@pytest.fixture
def press() -> Iterator[Press]:
    with Press(outlets=3, seed=3, stories=4) as made:
        yield made


@pytest.fixture
def nights(tmp_path: Path, press: Press, capsys: pytest.CaptureFixture[str]) -> Nights:
    return Nights(tmp_path, press, capsys)


def test_three_nights_of_forty_outlets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Press(outlets=40, seed=1, stories=5) as press:
        nights = Nights(tmp_path, press, capsys)
        forbidden = sum(not article.allowed for article in press.truth() if _is_on_a_page(article, press))
        first = nights.run()
        assert books(first) == (200, 200 - forbidden, 0, forbidden, 0)
        assert first["reasons"] == {"ROBOTS_DISALLOWED": forbidden}
        asked = Counter(r.host for r in press.requests() if r.kind is Kind.ROBOTS)
        assert set(asked.values()) == {1}, "robots.txt once"
        _was_polite(press)
        _is_what_was_published(rows(nights.root), press.truth())

        press.forget()
        second = nights.run(now=NOW + 10 * MINUTE)
        assert second["written"] == second["rejected"] == 0
        assert press.conditional_share(None) >= 0.95
        assert {r.kind for r in press.requests()} == {Kind.FEED}

        press.forget()
        press.tick(NOW + 15 * MINUTE)
        outlets = [outlet.id for outlet in press.outlets]
        new = [press.publish(1, outlet)[0] for outlet in outlets[:7]]
        edited = [press.edit(1, outlet)[0] for outlet in outlets[7:10]]
        gone = [press.delete(1, outlet)[0] for outlet in outlets[10:12]]
        third = nights.run(now=NOW + 20 * MINUTE)
        allowed = sum(article.allowed or not _is_on_a_page(article, press) for article in new)
        assert (third["written"], third["rejected"]) == (allowed + len(edited), 0)
        _was_polite(press)
        stored = rows(nights.root)
        versions = Counter((row["url"] or row["guid"], row["version"]) for row in stored)
        assert len(stored) == len(versions) == 200 - forbidden + allowed + 3
        assert {row["canonical_url"] for row in stored if row["version"] == 2} == {a.url for a in edited}
        assert {a.url for a in gone} <= {row["canonical_url"] for row in stored}, "what was taken down stays known"
        assert main(["verify", "--root", str(nights.root)]) == 0


def _is_on_a_page(article: Article, press: Press) -> bool:
    return next(outlet.text for outlet in press.outlets if outlet.id == article.outlet) == "page"


def _was_polite(press: Press) -> None:
    """As the server saw it: never two at a time, never sooner than the delay, never what is forbidden."""
    requests = press.requests()
    forbidden = {article.url.partition("//")[2] for article in press.truth() if not article.allowed}
    for host in {request.host for request in requests}:
        assert press.parallel(host) == 1
        assert press.closest_gap(host) >= DELAY - JITTER
    assert not {f"{request.host}{request.path}" for request in requests} & forbidden


def _is_what_was_published(stored: list[dict[str, Any]], truth: list[Article]) -> None:
    by_url = {article.url: article for article in truth}
    for row in stored:
        article = by_url[row["canonical_url"]]
        lines = row["body"].split("\n")
        missing = [text for text in article.paragraphs if text not in lines]
        assert len(missing) <= 1, (row["url"], missing)
        assert row["headline"] == article.headline
        assert row["source_id"] == article.outlet
        assert article.language.startswith(row["language"])
        assert row["published_at"] == article.published
        assert row["guid"] == article.guid or article.guid is None


def test_a_feed_by_its_address_and_one_that_is_none(nights: Nights, press: Press) -> None:
    outlet = press.outlets[1]
    only = nights.run(outlet.feed_url)
    assert (only["read"], {row["source_id"] for row in rows(nights.root)}) == (4, {outlet.id})
    page = press.truth()[0].url
    none = nights.run(page, now=NOW + DAY)
    assert (none["rejected"], none["reasons"]) == (1, {"NOT_A_FEED": 1})
    (letter,) = (row for row in rows(nights.root, "rejects") if row["code"] == "NOT_A_FEED")
    assert (letter["stage"], letter["url"], letter["feed_url"]) == ("parse", page, page)


def test_a_page_that_fails_has_a_letter_and_another_night(nights: Nights, press: Press) -> None:
    one = press.outlets[0].id
    press.misbehave(one, Fault.SERVER_ERROR, on=Kind.PAGE)
    first = nights.run("--set", "fetch.retries=0")
    failed = first["rejected"]
    assert failed >= 3
    assert (first["waiting"], first["reasons"]["SERVER_ERROR"]) == (failed, failed)
    press.calm()
    again = nights.run(now=NOW + DAY)
    assert (again["written"], again["waiting"]) == (failed, 0)
    assert len(rows(nights.root)) == first["written"] + failed


def test_what_a_host_puts_off_comes_the_next_night(nights: Nights, press: Press) -> None:
    one = press.outlets[0]
    press.misbehave(one.id, Fault.TOO_MANY, on=Kind.PAGE, requests=1, retry_after=7_200)
    first = nights.run()
    put_off = first["waiting"]
    assert put_off >= 3
    assert first["rejected"] == 0
    assert f"{put_off} pages are left to the next run" in nights.said
    asked = sum(r.host.startswith("127.0.1.1:") and r.kind is Kind.PAGE for r in press.requests())
    assert asked == 1, "nobody asks before the moment that the host names"
    early = nights.run(now=NOW + 60 * MINUTE)
    assert (early["written"], early["waiting"]) == (0, put_off)
    later = nights.run(now=NOW + 180 * MINUTE)
    assert (later["written"], later["waiting"]) == (put_off, 0)


def test_a_short_retry_after_is_waited_for(nights: Nights, press: Press) -> None:
    one = press.outlets[0]
    press.misbehave(one.id, Fault.UNAVAILABLE, on=Kind.PAGE, requests=1, retry_after=1)
    assert nights.run()["waiting"] == 0
    pages = [r for r in press.requests() if r.host.startswith("127.0.1.1:") and r.kind is Kind.PAGE]
    assert pages[1].started - (pages[0].ended or 0) >= 1.0


def test_what_feeds_do_is_said_once_it_matters(nights: Nights, press: Press) -> None:
    gap, empty, failing = (outlet.feed_url for outlet in press.outlets)
    assert nights.run()["notices"] == []
    press.publish(40, press.outlets[0].id)
    press.misbehave(press.outlets[1].id, Fault.NO_ENTRIES)
    press.misbehave(press.outlets[2].id, Fault.SERVER_ERROR, on=Kind.FEED)
    summary = nights.run(now=NOW + DAY)
    assert codes(summary) == {("FEED_GAP", gap), ("FEED_EMPTY", empty)}
    assert "interval_minutes = " in nights.said
    for night in range(2, 4):
        summary = nights.run(now=NOW + night * DAY)
    assert codes(summary) == {("FEED_EMPTY", empty), ("FEED_FAILING", failing)}
    status = nights.say("feeds", "status", "--root", str(nights.root), "--json")
    by_url = {line["url"]: line for line in map(json.loads, status.splitlines())}
    assert by_url[failing]["failures"] == 3
    assert by_url[gap]["notices"] == []


def test_guids_that_change_and_validators_that_do_not(nights: Nights, press: Press) -> None:
    first = nights.run()
    for outlet in press.outlets[:2]:
        press.misbehave(outlet.id, Fault.FRESH_GUIDS)
    press.misbehave(press.outlets[2].id, Fault.STALE_ETAG)
    press.forget()
    press.publish(1, press.outlets[2].id)
    second = nights.run(now=NOW + 60 * MINUTE)
    assert second["written"] == 0
    assert all(r.kind is not Kind.PAGE for r in press.requests()), "known by address, not by GUID"
    third = nights.run(now=NOW + 25 * 60 * MINUTE)
    assert third["written"] == 1, "after a day the feed is asked for all of it"
    assert len(rows(nights.root)) == first["written"] + 1


def test_fetching_is_published_in_batches_and_goes_on(nights: Nights, press: Press) -> None:
    summary = nights.run("--set", "fetch.batch_seconds=1.0", "--set", "fetch.delay_seconds=0.4")
    assert len(summary["runs"]) >= 2
    assert summary["waiting"] == 0
    assert len(rows(nights.root)) == summary["written"] == 12 - summary["filtered"]
    left = nights.run("--set", "fetch.run_seconds=1.0", "--set", "fetch.batch_seconds=1.0", now=NOW + DAY)
    assert left["read"] == 0


def test_a_recording_gives_the_same_articles_again(nights: Nights, press: Press, tmp_path: Path) -> None:
    nights.run("--record", str(tmp_path / "warc"))
    (recording,) = (tmp_path / "warc").iterdir()
    press.close()
    again = nights.run(str(recording), root=tmp_path / "again")
    assert again["rejected"] == 0
    same = [
        *("article_id", "version", "url", "canonical_url", "guid", "source_id", "source_name", "feed_url"),
        *("headline", "description", "body", "removed", "authors", "section", "keywords"),
        *("published_at", "date_evidence", "modified_at", "language", "language_declared"),
        *("agency", "tags", "access", "quality_flags"),
    ]

    def told(root: Path) -> list[str]:
        return sorted(repr([row[name] for name in same]) for row in rows(root))

    assert told(tmp_path / "again") == told(nights.root)
    known = nights.run(str(recording), now=NOW + DAY)
    assert (known["written"], known["duplicate"]) == (0, again["written"])


def test_secrets_of_a_feed_are_sent_and_never_stored(nights: Nights, press: Press, tmp_path: Path) -> None:
    feeds = tmp_path / "feeds.toml"
    feeds.write_text(feeds.read_text("utf-8") + '[feed.headers]\nAuthorization = "geheim-woord"\n', "utf-8")
    press.misbehave(press.outlets[2].id, Fault.TOO_MANY, on=Kind.PAGE, requests=1, retry_after=7_200)
    nights.run("--record", str(tmp_path / "warc"))
    sent = {r.host.rpartition(":")[0] for r in press.requests() if r.headers.get("authorization") == "geheim-woord"}
    assert sent == {"127.0.1.3"}
    stored = [p for p in [*nights.root.rglob("*"), *(tmp_path / "warc").iterdir()] if p.is_file()]
    assert not [path for path in stored if b"geheim-woord" in path.read_bytes()]


def test_feeds_are_checked_and_found(nights: Nights, press: Press) -> None:
    said = nights.say("feeds", "check")
    answers = sorted(line.partition(": ")[0] for line in said.splitlines() if " entries" in line)
    assert answers == sorted(outlet.feed_url for outlet in press.outlets)
    # The pages of the first outlet name its feed; those of the second do not, but what is its feed is one.
    page = next(article.url for article in press.truth() if article.outlet == press.outlets[0].id)
    for address, outlet in ((page, press.outlets[0]), (press.outlets[1].feed_url, press.outlets[1])):
        assert f'name = "{outlet.name}"' in nights.say("feeds", "discover", address)


def test_lists_of_feeds_go_out_and_come_in(nights: Nights, press: Press, tmp_path: Path) -> None:
    opml = tmp_path / "feeds.opml"
    opml.write_text(nights.say("feeds", "export"), "utf-8")
    tables = tomllib.loads(nights.say("feeds", "import", str(opml)))
    assert [(feed["url"], feed["name"], feed["language"]) for feed in tables["feed"]] == [
        (outlet.feed_url, outlet.name, outlet.language) for outlet in press.outlets
    ]
