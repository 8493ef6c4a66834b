"""What ``knipsel doctor`` says of machines, this one and worse ones."""

from __future__ import annotations

import datetime as dt
import errno
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest
from rich.console import Console

from pipeline import doctor, machine
from pipeline.doctor import Finding, Level
from transforms.storage import Storage, try_lock

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
GIB = 1 << 30


def levels(found: Sequence[Finding]) -> list[str]:
    return [one.level.value for one in found]


def test_python_is_held_against_the_packaging() -> None:
    assert doctor.python("3.11.7", ">=3.11").level is Level.OK
    assert doctor.python("3.14.0rc1", ">=3.11").level is Level.OK
    assert doctor.python("3.10.9", ">=3.11").level is Level.FAULT
    assert doctor.python("3.10.9", "").level is Level.OK


def test_packages_are_held_against_their_ranges() -> None:
    wanted = ["lxml<7,>=6", "rich>=14", 'pytest>=9; extra == "test"', 'tomli>=2; python_version < "3.11"']
    found = {"lxml": "6.1", "rich": "15.0"}
    nothing: dict[str, str] = {}
    assert doctor.packages(wanted, found.get) == [doctor.ok("packages", "2, each in its range")]
    older_found = {**found, "lxml": "5.4"}
    (older,) = doctor.packages(wanted, older_found.get)
    assert (older.level, older.says) == (Level.FAULT, "lxml is 5.4, and works with <7,>=6")
    assert [one.says for one in doctor.packages(wanted, nothing.get)] == ["lxml is missing", "rich is missing"]
    assert levels(doctor.packages(None, found.get)) == ["fault"]


@pytest.mark.parametrize(
    ("free", "inodes", "held", "level"),
    [
        (100 * GIB, None, 10 * GIB, "ok"),
        (100 * GIB, 10**6, 999 * GIB, "ok"),
        (100 * GIB, None, 2000 * GIB, "warn"),
        (3 * GIB, None, 0, "warn"),
        (100 * GIB, 500, 0, "warn"),
        (GIB - 1, None, 0, "fault"),
    ],
)
def test_room_is_held_against_the_data_set(free: int, inodes: int | None, held: int, level: str) -> None:
    assert doctor.space(free, inodes, held, GIB).level.value == level


def test_disks_of_other_machines_are_named() -> None:
    for kind, level in (("ext4", "ok"), ("nfs4", "warn"), ("fuse.sshfs", "warn")):
        found = doctor.disk_type(kind)
        assert found is not None
        assert found.level.value == level
    assert doctor.disk_type(None) is None


def test_the_clock_is_held_against_the_last_run_and_the_disk() -> None:
    hour = dt.timedelta(hours=1)
    assert doctor.clock(NOW, NOW - hour, NOW).level is Level.OK
    assert doctor.clock(NOW, None, None).level is Level.OK
    assert doctor.clock(NOW.replace(year=1970), None, None).level is Level.FAULT
    assert "last run" in doctor.clock(NOW, NOW + hour, None).says
    assert doctor.clock(NOW, None, NOW - hour).says == "the disk's is 3600 s off from the machine's"


@pytest.mark.parametrize(
    ("available", "workers", "level"),
    [(8 * GIB, 2, "ok"), (2 * GIB, 2, "warn"), (GIB // 2, 2, "fault"), (8 * GIB, 64, "fault"), (None, 2, "ok")],
)
def test_memory_is_held_against_the_workers(available: int | None, workers: int, level: str) -> None:
    assert doctor.memory(available, workers, 2 * GIB).level.value == level


def test_open_files_are_held_against_what_is_in_flight() -> None:
    assert doctor.open_files(256, 2, 40).level is Level.OK
    assert doctor.open_files(256, 2, 100).level is Level.FAULT


def test_time_zones_may_be_missing_or_old() -> None:
    def missing(name: str) -> object:
        raise ZoneInfoNotFoundError(name)

    assert doctor.zone_data("2025b", NOW).level is Level.OK
    assert doctor.zone_data(None, NOW).level is Level.OK
    assert doctor.zone_data("2019c", NOW).level is Level.WARN
    assert doctor.zone_data("2025b", NOW, missing).level is Level.FAULT


def test_encodings_other_than_utf_8_are_named() -> None:
    assert doctor.encoding("utf-8", "UTF8").level is Level.OK
    assert doctor.encoding(None, "utf-8").level is Level.OK
    assert "ISO-8859-1" in doctor.encoding("ISO-8859-1", "utf-8").says
    assert doctor.encoding("utf-8", "ascii").level is Level.WARN


def test_publishers_should_know_whom_to_reach() -> None:
    assert doctor.feeds(0, "").level is Level.OK
    assert doctor.feeds(3, "press@example.org").level is Level.OK
    assert doctor.feeds(3, "").level is Level.WARN


def test_names_are_looked_up_for_each_host() -> None:
    def none(_: str) -> str:
        return "no such name"

    assert levels(doctor.names(["a.example", "b.example"], lambda _: None)) == ["ok"]
    (found,) = doctor.names(["a.example", "b.example"], lambda host: none(host) if host[0] == "b" else None)
    assert (found.level, found.says) == (Level.WARN, "b.example: no such name")
    assert levels(doctor.names(["a.example"], none)) == ["fault"]
    assert levels(doctor.names([], none)) == ["ok"]


def test_names_are_looked_up_for_real() -> None:
    assert machine.resolve("localhost") is None
    assert machine.resolve("127.0.0.1") is None
    assert machine.resolve("a" * 64 + ".example")


# This machine


def test_this_disk_does_all_that_a_commit_needs(tmp_path: Path) -> None:
    assert list(machine.lacking(tmp_path)) == []


class Careless(Storage):
    """A disk that replaces files in place and takes a second name for a first."""

    def rename(self, source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes())
        source.unlink()

    def link(self, source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes())


class Plain(Storage):
    """A disk such as those of cameras, on which a file has one name."""

    def link(self, source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted", str(target))


def test_disks_that_do_less_are_found_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    careless = list(machine.lacking(tmp_path / "a", storage=Careless(), lock=lambda _: lambda: None))
    assert [what.partition(",")[0] for what in careless] == [
        "a lock can be taken twice",
        "a file that is replaced changes under those who read it",
        "a name can be given twice",
    ]
    (plain,) = machine.lacking(tmp_path / "b", storage=Plain())
    assert plain == "a file cannot have a second name (Operation not permitted), which the log needs"
    (locked,) = machine.lacking(tmp_path / "c", lock=lambda _: None)
    assert "cannot be taken" in locked


def test_the_mount_with_the_longest_name_counts(tmp_path: Path) -> None:
    folder = tmp_path / "a b" / "c"
    folder.mkdir(parents=True)
    blank = str(tmp_path / "a b").replace(" ", "\\040")
    lines = [
        "22 27 0:21 / / rw,relatime shared:1 - ext4 /dev/vda rw",
        f"23 27 0:22 / {blank} rw,relatime - nfs4 host:/press rw",
        f"24 27 0:22 / {tmp_path}/a rw,relatime - xfs /dev/vdb rw",
    ]
    assert machine.disk_type(folder, lines) == "nfs4"
    assert machine.disk_type(tmp_path, lines) == "ext4"
    assert machine.disk_type(tmp_path, []) is None


def test_what_is_held_counts_every_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"12345")
    (tmp_path / "file").write_bytes(b"123")
    assert machine.held_bytes(tmp_path) == 8
    assert machine.held_bytes(tmp_path / "missing") == 0


def by_check(found: Sequence[Finding]) -> dict[str, Finding]:
    return {one.check: one for one in found}


def test_a_machine_on_which_all_is_well(tmp_path: Path) -> None:
    found = doctor.examine(tmp_path / "out", None, [], now=dt.datetime.now(dt.UTC))
    assert "fault" not in levels(found), found
    checks = ["python", "packages", "encoding", "time zones", "settings", "rules", "feeds", "root"]
    assert list(by_check(found))[:8] == checks
    assert {"disk space", "clock", "memory", "open files"} <= by_check(found).keys()
    assert "names" not in by_check(found)
    assert by_check(found)["root"].says.endswith("will be made; locks and renames hold")
    assert list(tmp_path.iterdir()) == []
    assert json.loads(json.dumps([one.as_json() for one in found]))[0]["level"] == "ok"


def test_settings_that_cannot_be_read_are_a_fault_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "knipsel.toml").write_text("[run]\nworkrs = 2\n")
    found = by_check(doctor.examine(tmp_path / "out", tmp_path / "knipsel.toml", [], now=dt.datetime.now(dt.UTC)))
    assert found["settings"].level is Level.FAULT
    assert "run.workrs: unknown key" in found["settings"].says
    assert found["root"].level is Level.OK
    assert "memory" not in found


def test_enabled_feeds_want_a_contact_and_their_names_are_looked_up_on_demand(tmp_path: Path) -> None:
    (tmp_path / "knipsel.toml").write_text("")
    (tmp_path / "feeds.toml").write_text('[[feed]]\nurl = "http://localhost/rss.xml"\noutlet = "here"\n')
    config, now = tmp_path / "knipsel.toml", dt.datetime.now(dt.UTC)
    found = by_check(doctor.examine(tmp_path / "out", config, [], now=now, network=True))
    assert found["feeds"].level is Level.WARN
    assert found["names"] == doctor.ok("names", "1 looked up, each has an address")
    found = by_check(
        doctor.examine(None, config, ["fetch.contact=press@example.org", f"root={tmp_path}/out"], now=now)
    )
    assert found["feeds"].level is Level.OK
    assert f"{tmp_path}/out" in found["root"].says


def test_a_root_that_cannot_be_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "missing" / "out", tmp_path / "file"):
        (found,) = doctor._of_root(root, 0, NOW)
        assert found.level is Level.FAULT
        assert "install -d" in found.do


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_root_of_somebody_else_is_a_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (found,) = doctor._of_root(tmp_path, 0, NOW)
    assert found.level is Level.FAULT


def test_a_root_that_a_run_holds_is_well(tmp_path: Path) -> None:
    unlock = try_lock(tmp_path / "_lock")
    assert unlock is not None
    assert "a run holds it" in by_check(list(doctor._of_root(tmp_path, 0, NOW)))["root"].says
    unlock()
    assert "is free" in by_check(list(doctor._of_root(tmp_path, 0, NOW)))["root"].says


def test_findings_are_shown_with_what_to_do() -> None:
    out = io.StringIO()
    doctor.show(
        [doctor.ok("python", "3.11.7"), doctor.fault("root", "[gone]", "make it")], Console(file=out, width=80)
    )
    assert out.getvalue().splitlines() == [
        "ok    python      3.11.7",
        "fault root        [gone]",
        " " * 18 + "make it",
    ]
