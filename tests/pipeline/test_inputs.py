from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.inputs import SUFFIXES, InputError, find_feeds, find_inputs, kind_of
from pipeline.settings import Config, load
from schemas.record import InputKind, Outlet

FILES = ["b.txt", "a.html", "sub/c.jsonl", "sub/a.xml.gz", "sub-2/d.txt", "sub/deep/e.txt"]
OTHERS = ["notes.md", "sub/photo.jpg", "README"]
HIDDEN = [".b.txt", "sub/.c.jsonl", ".git/f.txt", "sub/.cache/g.txt"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*FILES, *OTHERS, *HIDDEN):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")
    return tmp_path / "in"


def names(*inputs: object) -> list[str]:
    return [file.record for file in find_inputs([str(text) for text in inputs]).files]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((f"a{suffix}", kind) for suffix, kind in SUFFIXES.items()),
        *((f"A{suffix}.gz".upper(), kind) for suffix, kind in SUFFIXES.items()),
        *(("a", None), ("a.gz", None), ("a.md", None), ("a.txt.bz2", None), ("txt", None), (".txt", None)),
        *(("a.b.txt", InputKind.TXT), ("map.txt/a.html", InputKind.HTML), ("a.txt/b", None)),
    ],
)
def test_kinds(name: str, kind: InputKind | None) -> None:
    assert kind_of(name) is kind


def test_a_folder_is_read_to_its_depths_in_order_of_names(folder: Path) -> None:
    found = find_inputs([str(folder)])
    assert [file.record for file in found.files] == sorted(FILES)
    assert [file.path for file in found.files] == [str(folder / name) for name in sorted(FILES)]
    assert sorted(found.passed_over) == sorted(str(folder / name) for name in OTHERS)


def test_folder_glob_and_file_give_the_same_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = names(folder)
    assert names(f"{folder}/") == everything
    assert names(f"{folder}/**") == names(f"{folder}/**/*") == everything
    assert names(f"{folder}/*.txt") == names(folder / "b.txt") == ["b.txt"]
    assert names(f"{folder}/*/*.jsonl") == names(f"{folder}/**/*.jsonl") == ["sub/c.jsonl"]
    assert names(f"{folder}/sub/*.jsonl") == names(folder / "sub" / "c.jsonl") == ["c.jsonl"]
    monkeypatch.chdir(folder)
    assert names(".") == names("**") == names("./**/*") == everything
    assert names("../in/*.txt") == names("b.txt") == ["b.txt"]


def test_the_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    orders = []
    for turn, step in enumerate((1, -1)):
        for name in FILES[::step]:
            path = tmp_path / str(turn) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        orders.append(names(tmp_path / str(turn)))
        assert names(f"{tmp_path}/{turn}/**/*.*") == orders[-1]
    assert orders[0] == orders[1]


def test_a_hidden_file_that_is_named_is_read(folder: Path) -> None:
    assert names(folder / ".b.txt") == [".b.txt"]


def test_a_file_that_is_named_twice_is_read_once(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "b.txt")
    assert names(folder / "b.txt", folder / "b.txt", f"{folder}/../in/b.txt", folder / "link.txt") == ["b.txt"]


def test_names_with_the_signs_of_globs(tmp_path: Path) -> None:
    for name in ("[1].txt", "a*b.txt", "[x]/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path / "[1].txt") == ["[1].txt"]
    assert names(tmp_path / "a*b.txt") == ["a*b.txt"]
    assert names(tmp_path / "[x]") == ["c.txt"]


def test_what_the_user_says_of_all_inputs(folder: Path) -> None:
    (file,) = find_inputs([str(folder / "b.txt")], source="zuidkade", lenient=True).files
    assert (file.outlet, file.lenient) == (Outlet(source_id="zuidkade", name="zuidkade"), True)
    (file,) = find_inputs([str(folder / "b.txt")]).files
    assert (file.outlet, file.lenient) == (Outlet(), False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("weg.txt", "check the path"),
        ("weg/", "check the path"),
        ("weg/*.txt", "no file fits"),
        ("*.warc", "no file fits"),
        ("notes.md", ".txt .html"),
        ("*.md", "no file"),
        ("leeg", "no file of a kind"),
        ("https://zuidkade.example/feed.xml", "cannot be used here"),
        ("https://zuidkade.example/feed?x=*", "cannot be used here"),
        ("", "without a name"),
        ("  ", "without a name"),
    ],
)
def test_inputs_that_cannot_be_used(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    (folder / "leeg").mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError) as fault:
        find_inputs(["b.txt", text])
    assert str(fault.value).startswith(f"{text}: ")
    assert says in str(fault.value)
    assert "\n" not in str(fault.value)


def test_two_texts_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("2025/week.txt", "2026/week.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"2026/week\.txt.*2025/week\.txt.*--source"):
        find_inputs([str(tmp_path / "2025"), str(tmp_path / "2026")])
    assert names(tmp_path) == names(f"{tmp_path}/*/*.txt") == ["2025/week.txt", "2026/week.txt"]


def test_names_that_are_no_text_are_refused_before_the_run(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        Path(os.fsdecode(path)).touch()
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    with pytest.raises(InputError, match="UTF-8") as fault:
        find_inputs([str(tmp_path)])
    str(fault.value).encode()


def test_a_link_to_nothing_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "weg.txt").symlink_to(tmp_path / "nergens")
    assert names(tmp_path) == ["weg.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed_is_no_empty_one(folder: Path) -> None:
    (folder / "sub").chmod(0)
    try:
        with pytest.raises(InputError, match="cannot be listed"):
            find_inputs([str(folder)])
    finally:
        (folder / "sub").chmod(0o755)


@pytest.fixture
def feeds(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "feeds").mkdir(exist_ok=True)
        (tmp_path / "feeds" / "zk.xml").touch()
        (tmp_path / "knipsel.toml").write_text("[clutter]\nlanguages = []\n", "utf-8")
        (tmp_path / "feeds.toml").write_text(text, "utf-8")
        return tmp_path / "knipsel.toml"

    return write


def test_the_feeds_of_the_settings(feeds: Callable[[str], Path], tmp_path: Path) -> None:
    path = feeds(
        '[[feed]]\nurl = "feeds/zk.xml"\noutlet = "zk"\nname = "De Bode"\nlanguage = "nl-BE"\ncountry = "BE"\n'
        'timezone = "Europe/Brussels"\nsection = "Regio"\n'
        '[[feed]]\nurl = "feeds/weg.xml"\noutlet = "weg"\nenabled = false\n'
        f'[[feed]]\nurl = "{tmp_path}/feeds/zk.xml"\noutlet = "ander"\n'
    )
    first, second = find_feeds(load(path)).files
    assert (first.kind, first.path, first.record) == (InputKind.FEED, str(tmp_path / "feeds/zk.xml"), "feeds/zk.xml")
    assert first.outlet == Outlet("zk", "De Bode", "nl-BE", "BE", "Europe/Brussels", "Regio", "feeds/zk.xml")
    assert (second.outlet.source_id, second.outlet.name, second.path) == ("ander", "ander", first.path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no feed that is enabled"),
        ('[[feed]]\nurl = "feeds/zk.xml"\noutlet = "zk"\nenabled = false\n', "names no feed that is enabled"),
        ('[[feed]]\nurl = "feeds/weg.xml"\noutlet = "zk"\n', "feed 'zk': no file"),
        ('[[feed]]\nurl = "feeds"\noutlet = "zk"\n', "feed 'zk': no file"),
    ],
)
def test_feeds_that_cannot_be_used(feeds: Callable[[str], Path], text: str, says: str) -> None:
    with pytest.raises(InputError) as fault:
        find_feeds(load(feeds(text)))
    assert says in str(fault.value)


def test_addresses_are_feeds_with_what_the_settings_say_of_them(config: Config) -> None:
    known = next(feed for feed in config.feeds if not feed.on_disk)
    feeds = find_inputs([known.url, "https://zuidkade.example/rss?x=1"], source="zk", config=config).feeds
    assert [(feed.url, feed.outlet.source_id, feed.asked) for feed in feeds] == [
        (known.url, known.outlet, True),
        ("https://zuidkade.example/rss?x=1", "zk", True),
    ]
    with pytest.raises(InputError, match="begins with 'ftp'"):
        find_inputs(["ftp://zuidkade.example/rss"], config=config)


def test_a_data_set_among_the_inputs_is_left_alone(tmp_path: Path) -> None:
    for name in ("a.txt", "out/_reports/index.html", "out/_delta_log/0.json", "deep/er/b.html"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("De brug is open.")
    wanted = [str(tmp_path / name) for name in ("a.txt", "deep/er/b.html")]
    assert [file.path for file in find_inputs([str(tmp_path)]).files] == wanted
    assert [file.path for file in find_inputs([f"{tmp_path}/**/*.*"]).files] == wanted
    with pytest.raises(InputError):
        find_inputs([str(tmp_path / "out")])
