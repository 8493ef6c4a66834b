"""Which files of a folder are read, and when."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import watch_folders
from pipeline.inputs import InputError, find_inputs
from pipeline.watch_folders import Folders, digest, read_followed
from schemas.record import SourceFile

DAY_NS = 86_400 * 10**9


def follow(folder: Path, done: frozenset[bytes] = frozenset()) -> Folders:
    return Folders(lambda: find_inputs([str(folder)], may_be_empty=True).files, 2.0, done)


def names(files: list[SourceFile]) -> list[str]:
    return [file.record for file in files]


def test_a_file_is_read_once_it_has_settled(tmp_path: Path) -> None:
    folders = follow(tmp_path)
    assert folders.look(0.0) == []
    path = tmp_path / "one.txt"
    path.write_text("Half", "utf-8")
    assert (folders.look(1.0), folders.unsettled) == ([], True)
    path.write_text("Half and whole", "utf-8")
    assert folders.look(3.5) == [], "it has changed since"
    assert names(folders.look(5.5)) == ["one.txt"]
    assert not folders.unsettled


def test_what_is_done_is_read_again_when_it_changes(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    folders = follow(tmp_path)
    folders.look(0.0)
    state = folders.learned(folders.look(2.0))
    assert folders.look(4.0) == []
    again = follow(tmp_path, read_followed(state))
    again.look(0.0)
    assert again.look(2.0) == [], "another process knows it from the state"
    os.utime(tmp_path / "two.txt", ns=(DAY_NS, DAY_NS))
    again.look(3.0)
    assert names(again.look(5.0)) == ["two.txt"]


def test_those_that_have_waited_longest_come_first(tmp_path: Path) -> None:
    for number, name in enumerate(("c.txt", "a.txt", "b.txt")):
        (tmp_path / name).write_text(name, "utf-8")
        os.utime(tmp_path / name, ns=(number * DAY_NS, number * DAY_NS))
    folders = follow(tmp_path)
    folders.look(0.0)
    assert names(folders.look(2.0)) == ["c.txt", "a.txt", "b.txt"]


def test_files_that_have_gone_are_forgotten(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    folders = follow(tmp_path)
    folders.look(0.0)
    folders.learned(folders.look(2.0))
    (tmp_path / "one.txt").unlink()
    (tmp_path / "three.txt").write_text("three", "utf-8")
    folders.look(4.0)
    assert len(read_followed(folders.learned(folders.look(6.0)))) == 2
    assert folders.learned([]) == {}


def test_a_link_to_nothing_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "one.txt").symlink_to(tmp_path / "there")
    folders = follow(tmp_path)
    folders.look(0.0)
    assert folders.look(2.0) == []
    (tmp_path / "there").write_text("It has come", "utf-8")
    folders.look(4.0)
    assert names(folders.look(6.0)) == ["one.txt"]


def test_more_files_than_can_be_remembered_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_folders, "MOST_FILES", 1)
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    with pytest.raises(InputError, match="2 files to follow, more than 1"):
        follow(tmp_path).look(0.0)


def test_a_state_that_is_damaged_is_named() -> None:
    assert read_followed({}) == frozenset()
    for damaged in ("AAAA", "?"):
        with pytest.raises(ValueError, match=r"cannot be read|base64"):
            read_followed({watch_folders.STATE: damaged})


@given(st.lists(st.tuples(st.text(), st.integers(0, 2**60), st.integers(0, 2**60)), unique=True, max_size=20))
def test_every_file_and_every_change_has_a_digest_of_its_own(files: list[tuple[str, int, int]]) -> None:
    named = {(os.path.abspath(path), *stat) for path, *stat in files if "\0" not in path}  # noqa: PTH100
    found = {digest(path, (size, changed)) for path, size, changed in files if "\0" not in path}
    assert len(found) == len(named)
