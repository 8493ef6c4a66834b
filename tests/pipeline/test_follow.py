"""The source of a job that never ends: what it gives out, what it remembers, and when it ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam import pvalue
from apache_beam.transforms.window import TimestampedValue

from pipeline.build import fetching_of
from pipeline.cli import main
from pipeline.follow import Followed, FollowFn, Lease
from pipeline.inputs import find_feeds
from pipeline.settings import Config, load
from pipeline.tables import Settings
from schemas.feed import FeedSource
from schemas.record import Outlet, Record, SourceFile
from tests.press import Press
from transforms.core.forgotten import Forgotten
from transforms.parse_feeds import KNOWN
from transforms.pool import Workers


class Kept:
    """A cell of an engine's state."""

    def __init__(self) -> None:
        self._value: str | None = None

    def read(self) -> str | None:
        return self._value

    def write(self, value: str) -> None:
        self._value = value


def lease(folder: Path) -> Lease:
    (folder / "job").write_text("a", "utf-8")
    return Lease(str(folder / "job"), "a")


def fn(followed: Followed, folder: Path, settings: Settings) -> FollowFn:
    made = FollowFn(
        followed,
        fetching_of(settings, dt.datetime.now(dt.UTC)),
        settle_seconds=0.0,
        feed_bytes=settings.limits.feed_bytes,
        workers=Workers(0, settings.limits.parse_seconds, settings.limits.child_bytes),
        forgotten=Forgotten(),
        lease=lease(folder),
    )
    made.setup()
    return made


def given(made: FollowFn, feeds: Kept, files: Kept) -> Iterator[Any]:
    """What one tick brings, with its tag where it is beside the records."""
    for one in made.process((0, 0), feeds, files):
        if isinstance(one, pvalue.TaggedOutput):
            yield one.tag, one.value
        else:
            yield one.value if isinstance(one, TimestampedValue) else one


def test_a_lease_is_over_when_another_job_has_it(tmp_path: Path) -> None:
    held = lease(tmp_path)
    assert held.holds()
    (tmp_path / "job").write_text("b", "utf-8")
    assert not held.holds()
    (tmp_path / "job").unlink()
    assert not held.holds()


def test_each_feed_is_in_one_group_and_those_of_a_host_in_the_same() -> None:
    feeds = tuple(FeedSource(f"https://h{n % 7}.example/{n}.xml", Outlet()) for n in range(30))
    followed = Followed(feeds, (), (), None, lenient=False, groups=4)
    groups = [followed.group(number) for number in range(4)]
    assert sorted(feed.url for group in groups for feed in group) == sorted(feed.url for feed in feeds)
    hosts = [{feed.url.split("/")[2] for feed in group} for group in groups]
    assert sum(map(len, hosts)) == 7


def test_a_file_is_given_out_once_by_the_state_and_not_by_the_process(tmp_path: Path, config: Config) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("The ferry was late.", "utf-8")
    followed = Followed((), (str(folder),), (), None, lenient=False, groups=1)
    feeds, files = Kept(), Kept()
    made = fn(followed, tmp_path, config.settings)
    assert [Path(file.path).name for file in given(made, feeds, files)] == ["a.txt"]
    assert list(given(made, feeds, files)) == []
    # Another worker, with what the engine holds.
    again = fn(followed, tmp_path, config.settings)
    assert list(given(again, feeds, files)) == []
    (folder / "b.txt").write_text("The ferry was late once more.", "utf-8")
    found = list(given(again, feeds, files))
    assert all(isinstance(file, SourceFile) for file in found)
    assert [Path(file.path).name for file in found] == ["b.txt"]
    # A job that is begun anew.
    assert len(list(given(fn(followed, tmp_path, config.settings), Kept(), Kept()))) == 2


def test_a_feed_is_asked_with_what_the_state_says(tmp_path: Path) -> None:
    with Press(outlets=1, stories=4, at=dt.datetime.now(dt.UTC)) as press:
        config = load(press.write_config(tmp_path, 0.0))
        followed = Followed(tuple(find_feeds(config).feeds), (), (), None, lenient=False, groups=1)
        made = fn(followed, tmp_path, config.settings)
        feeds, files = Kept(), Kept()
        first = list(given(made, feeds, files))
        records = [one for one in first if isinstance(one, Record)]
        assert records
        press.publish(1)
        second = list(given(made, feeds, files))
        known = [value for tag, value in (one for one in second if isinstance(one, tuple)) if tag == KNOWN]
        assert len([one for one in second if isinstance(one, Record)]) <= 1 < len(known)
        made.teardown()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--runner", "DirectRunner"], "ends with its inputs"),
        (["--runner", "PortableRunner", "--record", "warc"], "--record is for watching without --runner"),
        (["--runner", "NoSuchRunner"], "the engine did not take the job"),
        (["--", "--job_endpoint=localhost:1"], "with --runner only"),
        (["--runner", "PortableRunner", "--", "--job_endpoint=127.0.0.1:1"], "no job service answers at 127.0.0.1:1"),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    status = main(["watch", str(tmp_path / "in"), "--root", str(tmp_path / "out"), *words])
    assert status in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "_watch" / "job").exists()
