"""The tutorial, word for word: its files are written and its commands typed into one shell, in a fresh folder."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.test_readme import assert_shows, page
from tests.typed import BEFORE, script, steps

CRONTAB = """#!/bin/sh
# a crontab of its own, that of nobody
case "$1" in -l) cat "$HOME/crontab" ;; -) cat >"$HOME/new" && mv "$HOME/new" "$HOME/crontab" ;; *) exit 2 ;; esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What there is when ``make run`` has been carried out, which the tests of the README look at."""
    with socket.socket() as tried:
        if tried.connect_ex(("127.0.0.1", 8123)) == 0:
            pytest.skip("port 8123, where the tutorial has its newspaper, is taken on this machine")
    made = tmp_path / "knipsel"
    shutil.copytree(REPOSITORY / "examples", made / "examples", copy_function=shutil.copyfile)
    programs = made / ".venv" / "bin"
    programs.mkdir(parents=True)
    start = "import sys; from pipeline.cli import main; sys.exit(main())"
    for name, text in {
        "knipsel": f"#!/bin/sh\nexec '{sys.executable}' -c '{start}' \"$@\"\n",
        "python": f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n",
        "make": "#!/bin/sh\n",
        "crontab": CRONTAB,
    }.items():
        (programs / name).write_text(text, "utf-8")
        (programs / name).chmod(0o755)
    (programs / "activate").write_text("", "utf-8")
    return made


def test_every_command_of_the_tutorial_shows_what_stands_there(folder: Path) -> None:
    typed = steps(page("docs/tutorial.md"))
    assert len(typed) >= 15
    environment = {
        "PATH": f"{folder}/.venv/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONPATH": str(REPOSITORY),
        "COLUMNS": "80",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", script(page("docs/tutorial.md"))],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    answers = BEFORE.split(done.stdout)[2::2]
    assert len(answers) == len(typed), done.stdout
    for step, answer in zip(typed, answers, strict=True):
        assert_shows(step.shown, answer)
        assert step.shown or not answer.strip(), f"{step.command}\n{answer}"
    assert (folder / "crontab").read_text("utf-8") == ""
