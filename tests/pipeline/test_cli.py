"""The ``knipsel`` command as people and scripts meet it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from rich.console import Console

from pipeline.cli import main
from pipeline.explain import Explained, PageNotes, marked, show
from schemas.article import Article, Cut, Tag
from schemas.reject import Reason, Reject
from tests.conftest import NOW, REPOSITORY
from transforms.core.clutter.strip import restore
from transforms.core.furniture import Taken

EXAMPLES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (REPOSITORY / "examples").rglob("*.*")
    # the pages of the outlet are for a server to hand out
    if path.suffix in (".txt", ".html", ".jsonl", ".xml") and "outlet" not in path.parts
)
MOMENT = ["--now", NOW.isoformat()]
COMMANDS = [["run"], ["explain"], ["show"], ["stats"], ["verify"], ["check"], ["rules"], ["rules", "diff"]]
CODE = "import sys; from pipeline.cli import main; sys.exit(main())"
GOOD = "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Er was taart.\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set made by the command itself, in a process of its own, from every example."""
    made = tmp_path_factory.mktemp("cli") / "out"
    done = knipsel("run", *EXAMPLES, "--root", made, *MOMENT, "--json")
    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout.splitlines()[-1])
    assert set(books) >= {"run_id", "read", "written", "duplicate", "filtered", "rejected", "seconds", "files"}
    assert books["read"] == books["written"] + books["duplicate"] + books["filtered"] + books["rejected"] == 11
    assert all(Path(path).is_file() for path in books["files"])
    assert "read" in done.stderr
    return made


def knipsel(*words: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, at the root of the repository."""
    return subprocess.run(
        [sys.executable, "-c", CODE, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        check=False,
        timeout=120,
    )


def said(capsys: pytest.CaptureFixture[str], status: int, *words: object) -> str:
    """Run a command in this process that must end with ``status`` and one line on stderr; that line."""
    try:
        found = main(list(map(str, words)))
    except SystemExit as left:
        found = int(left.code or 0)
    captured = capsys.readouterr()
    assert (found, captured.out) == (status, "")
    assert len(captured.err.strip().splitlines()) == 1, captured.err
    assert captured.err.startswith("knipsel")
    assert "Traceback" not in captured.err
    return captured.err


# Help and usage


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: knipsel {' '.join(command)}")
    assert max(map(len, out.splitlines())) <= 120


def test_the_help_names_every_command_and_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for command, *_ in COMMANDS:
        assert f"\n    {command}" in out
    for status in ("0 done", "1 failed", "2 usage", "75 another", "143 stopped"):
        assert status in " ".join(out.split())
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("knipsel ")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (["explain"], "INPUT"),
        (["explain", "nowhere.txt"], "nowhere.txt"),
        (["explain", "https://oudewal.example/a"], "cannot be used here"),
        (["run", "ftp://oudewal.example/a"], "begins with 'ftp'"),
        (["explain", "README.md"], "README.md"),
        (["run", "a.txt", "--now", "noon"], "noon"),
        (["show", "--date", "Friday"], "Friday"),
        (["show", "--limit", "-1"], "-1"),
        (["rules"], "COMMAND"),
        (["rules", "diff", "--limit", "few"], "few"),
        (["check", "--set", "language.detector"], "KEY=VALUE"),
        (["check", "--set", "language.detector=guess"], "langdetect"),
        (["check", "--set", "run.rows=1"], "rows_per_file"),
        (["check", "--config", "nowhere.toml"], "nowhere.toml"),
        (["show", "--", "--streaming"], "Beam"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_faults_are_one_line_that_names_the_fault(
    words: list[str], names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names in said(capsys, 2, *words)


@pytest.mark.parametrize("command", [["show"], ["verify"], ["rules", "diff"]], ids=" ".join)
def test_a_root_that_holds_nothing(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(tmp_path / "none") in said(capsys, 1, *command, "--root", tmp_path / "none")


def test_a_traceback_only_with_debug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, 1, "show", "--root", tmp_path / "none")
    done = knipsel("show", "--root", tmp_path / "none", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ShowError" in done.stderr


# run


def test_options_behind_two_dashes_reach_beam(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(GOOD, "utf-8")
    asked = ["run", tmp_path / "a.txt", "--root", tmp_path / "out", "--quiet", "--"]
    assert "direct_num_workers" in said(capsys, 1, *asked, "--direct_num_workers=2")
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_json_is_the_last_line_and_quiet_says_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(GOOD, "utf-8")
    done = knipsel("run", tmp_path / "a.txt", "--root", tmp_path / "out", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["written"] == 1


# explain


def test_every_example_is_explained_as_a_run_writes_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert main(["explain", *EXAMPLES, "--json", *MOMENT]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    told = {found["input_ref"]: found for found in map(json.loads, captured.out.splitlines())}
    columns = ["input_ref", "headline", "body", "language", "agency", "access", "quality_flags", "content_hash"]
    stored = ds.dataset(root / "articles", format="parquet").to_table(columns=columns).to_pylist()
    assert len(stored) == len(told) == 11
    for row in stored:
        found = told[row["input_ref"]]
        assert found["outcome"] == "written"
        assert {name: found[name] for name in columns} == row
        reasons = [cut.pop("reasons", []) for cut in found["removed"]]
        cuts = [Cut(**cut) for cut in found["removed"]]
        assert all(why for cut, why in zip(cuts, reasons, strict=True) if cut.rule == "signal.weighed")
        assert restore(found["body"], cuts) == found["text"]
        assert all(found["text"][cut.start : cut.end] == cut.text for cut in cuts)
        assert ("left_out" in found) == (found["input_kind"] == "html")


def test_a_page_is_shown_with_what_the_extractor_left_out() -> None:
    done = knipsel("explain", "examples/page.html", *MOMENT)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert any(line.startswith("url ") and line.endswith("-zwanewerf") for line in lines)
    assert any(line.startswith("left out by the extractor: ") for line in lines)
    assert any(line.strip().startswith("Meest gelezen") for line in lines)
    assert any(line.startswith("  ") and line.endswith(")") for line in lines), "no reason is given"
    assert lines[0].removeprefix("headline").strip() not in [line.strip() for line in lines[1:]]
    assert not any(line != line.rstrip() for line in lines[:12])


def test_a_dead_letter_is_explained_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    assert main(["explain", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["code"]) == ("rejected", "EMPTY")
    assert "text" not in found


def shown(explained: Explained, **options: Any) -> str:
    file = io.StringIO()
    show(explained, Console(width=40, file=file, **options))
    return file.getvalue()


def article(**columns: Any) -> Article:
    url = "https://oudewal.example/" + "een-heel-lange-naam-" * 6
    text = "Brug open\nTekst.\nFoto: ANP"
    cuts = (
        Cut(0, 10, "headline", "signal.first-line", text[:10]),
        Cut(16, 26, "photo_credit", "nl.photo-credit", text[16:]),
    )
    return Article(
        **{
            "article_id": "a",
            "source_id": "oudewal",
            "input_kind": "html",
            "input_ref": "a.html",
            "fetched_at": NOW,
            "url": url,
            "headline": "Brug open",
            "body": "Tekst.",
            "removed": cuts,
            "clutter_ratio": 0.4,
            "tags": (
                Tag("medtop", "11000000", "politics", 0.5, "raad"),
                Tag("source-section", "regio", "Regio", 1, "Regio"),
            ),
            **columns,
        }
    )


def test_lines_are_whole_numbers_agree_and_schemes_are_named() -> None:
    one = article()
    text = shown(Explained(article=one, page=PageNotes(("Menu",), (), ())))
    assert (one.url or "") in text.replace("url        ", "")
    assert "in 1 cut\n" in text
    assert "tag        11000000 politics 0.50: raad" in text
    assert "tag        source-section regio Regio 1.00: Regio" in text
    assert "1 block of the page\n  Menu" in text
    assert "[-photo_credit (nl.photo-credit): Foto: ANP-]" in text
    assert "[-headline" not in text
    notes = PageNotes(("Menu", "Home"), (Taken("<nav>", "Home Regio"),), ("Een regel.",))
    two = shown(Explained(article=article(removed=(*one.removed, one.removed[1])), page=notes))
    assert "  Home  (<nav>)" in two
    assert "put back from the page: 1 line\n  Een regel." in two
    assert "in 2 cuts" in two
    assert "2 blocks of the page" in two
    assert "left out" not in shown(Explained(article=one))


def test_colour_on_a_terminal_and_not_against_the_readers_will() -> None:
    one = Explained(article=article())
    coloured = shown(one, force_terminal=True, color_system="truecolor", no_color=False)
    assert "\x1b[" in coloured
    assert "[-photo_credit" not in coloured
    assert "[-photo_credit" in shown(one, force_terminal=True, color_system="truecolor", no_color=True)
    assert "\x1b" not in shown(one, force_terminal=False)


def test_text_that_looks_like_markup_is_shown_as_it_is() -> None:
    odd = article(headline="[bold]Brug[/bold] [link=x]", removed=(), body="[red]tekst[/]")
    text = shown(Explained(article=odd, page=PageNotes(("[/]", "[b]"), (), ())))
    for part in ("[bold]Brug[/bold] [link=x]", "[red]tekst[/]", "  [/]\n  [b]"):
        assert part in text
    letter = Reject("extract", Reason.EMPTY, "[/].txt", "no [bold] text")
    assert "EMPTY [/].txt" in shown(Explained(reject=letter))
    assert marked(odd, colour=True).plain == "[red]tekst[/]"


# show, verify, check


def test_show_has_one_day_and_anything_that_sql_asks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--root", str(root)]) == 0
    whole = capsys.readouterr().out
    assert f"{root}: 11 articles" in " ".join(whole.split())
    assert main(["show", "--root", str(root), "--date", "2026-11-19", "--limit", "2"]) == 0
    day = capsys.readouterr().out
    assert "2026-11-19" in day
    assert "2026-11-18" not in day
    assert "1 more" in day
    assert main(["show", "--root", str(root), "--sql", "select count(*) as n from articles"]) == 0
    assert "11" in capsys.readouterr().out
    assert "articels" in said(capsys, 1, "show", "--root", root, "--sql", "select * from articels")


def test_verify_says_what_it_looked_at(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--root", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["runs"], found["faults"]) == (11, 1, [])
    assert main(["verify", "--root", str(root)]) == 0
    files = found["files"]
    noted = f"{files} files ({files} known to be sound by their sha256), 11 rows"
    assert noted in capsys.readouterr().out
    assert main(["verify", "--root", str(root), "--full"]) == 0
    assert f": {files} files, 11 rows, 1 runs, 0 faults" in capsys.readouterr().out


def test_check_counts_what_is_there_and_names_each_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out.endswith(" 0 faults\n")
    folder = tmp_path / "clutter" / "publisher"
    folder.mkdir(parents=True)
    (tmp_path / "knipsel.toml").write_text("", "utf-8")
    rule = (
        'id = "oudewal.foot"\nkind = "promo"\nscope = "line"\nmatch = "{}"\n'
        'example = "Tot morgen"\ncounter_example = "{}"\n'
    )
    file = folder / "oudewal.toml"
    asked = ["check", "--config", str(tmp_path / "knipsel.toml")]

    file.write_text("[[rule]]\n" + rule.format("Tot .*", "Tot morgen, zei hij"), "utf-8")
    assert main(asked) == 2
    out = capsys.readouterr().out
    assert "rule 'oudewal.foot': fits its counter_example" in out
    assert out.endswith((" 1 faults\n", " 1 fault\n"))

    file.write_text("[[rule]]\n" + rule.format("(?=Tot)", "Dag"), "utf-8")
    assert "oudewal.foot" in said(capsys, 2, *asked)
    file.write_text("[[rule]]\n" + rule.format("Tot morgen", "Dag") + "colour = 1\n", "utf-8")
    assert "colour" in said(capsys, 2, *asked)
    file.write_text("[[rule]\n", "utf-8")
    assert "oudewal.toml" in said(capsys, 2, *asked)


# Pipes


@pytest.mark.parametrize(
    "words",
    [
        ["explain", *EXAMPLES, "--json", *MOMENT],
        ["explain", *EXAMPLES, *MOMENT],
        ["show", "--sql", "select a.body from articles a, articles b, articles c"],
        ["verify"],
    ],
    ids=["json", "text", "table", "line"],
)
def test_a_reader_that_leaves_early_is_no_error(root: Path, words: list[str]) -> None:
    asked = words if words[0] == "explain" else [*words, "--root", str(root)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *asked],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        check=False,
        timeout=120,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["run x.txt", "show", "verify", "export", "forget x", "compact --into new"])
def test_a_root_in_an_object_store_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--root", "s3://bucket/out"])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "'s3://bucket/out' is no folder; a data set is written to a local disk" in said
    assert said.count("\n") == 1
    assert not Path("s3:").exists()


def test_a_root_in_an_object_store_is_refused_in_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--set", "root=gs://bucket/out"]) == 2
    assert "root: is no folder; a data set is written to a local disk" in capsys.readouterr().err
