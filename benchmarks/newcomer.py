"""How long a newcomer takes from a clean copy to a scheduled run with its report, by the tutorial word for word.

``python -m benchmarks.newcomer`` clones the repository into a folder of its own, with a home and a crontab of its
own, and does there what ``docs/tutorial.md`` says: every file is written, every command run, ``make run`` with its
installing included. Typing is reckoned at 40 words a minute, a word being five characters, as is usual. Reading is
not counted. Libraries come from wherever pip gets them, and its cache is not used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.test_tutorial import CRONTAB
from tests.typed import BEFORE, files, script, steps

REPOSITORY = Path(__file__).parents[1]
CHARACTERS_A_MINUTE = 40 * 5
TUTORIAL = "docs/tutorial.md"
END = "press/data/_reports/index.html"
"""What is there when a scheduled run has ended."""

SCHEDULED = "| cut -d' ' -f6- | sh"
"""How the command of a line of a crontab is handed to a shell, as cron does it."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What is typed, how many characters that is, and what the machine then takes."""

    typed: str
    characters: int
    seconds: float


def main() -> None:
    """Print a line for each thing typed, and the sum."""
    folder = Path(tempfile.mkdtemp(prefix="newcomer-"))
    try:
        found = follow(folder)
    finally:
        shutil.rmtree(folder)
    for one in found:
        print(f"{one.characters:5} characters {one.seconds:7.1f} s   {one.typed[:80]}")
    first = next(at for at, one in enumerate(found, 1) if one.typed.endswith(SCHEDULED))
    for until, some in (("the first scheduled run with its report", found[:first]), ("the end of the page", found)):
        typing = sum(one.characters for one in some) / CHARACTERS_A_MINUTE
        waiting = sum(one.seconds for one in some) / 60
        print(
            f"to {until}: {typing:.1f} minutes of typing + {waiting:.1f} of waiting = {typing + waiting:.1f} minutes"
        )
    print(f"all the waiting took {sum(os.times()[2:4]) / 60:.1f} minutes of CPU")


def follow(folder: Path) -> list[Timed]:
    """Do it all in ``folder``."""
    began = time.monotonic()
    clone = f"git clone {REPOSITORY} knipsel && cd knipsel"
    subprocess.run(["/usr/bin/env", "git", "clone", "--quiet", REPOSITORY, folder / "knipsel"], check=True)  # noqa: S603 - this very repository
    found = [Timed(clone, len(clone), time.monotonic() - began)]
    text = (folder / "knipsel" / TUTORIAL).read_text("utf-8")
    found += [Timed(name, len(content), 0.0) for name, content in files(text).items()]

    programs = folder / "programs"
    programs.mkdir()
    (programs / "crontab").write_text(CRONTAB, "utf-8")
    (programs / "crontab").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PIP_NO_CACHE_DIR": "1",
        **{name: value for name, value in os.environ.items() if name in ("PIP_INDEX_URL", "SSL_CERT_FILE", "TMPDIR")},
    }
    done = subprocess.run(  # noqa: S603 - the commands are those of the tutorial
        ["/bin/bash", "-c", script(text) + 'echo "==== ${EPOCHREALTIME/,/.}"\n'],
        cwd=folder / "knipsel",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    if not (folder / "knipsel" / END).is_file():
        raise SystemExit(f"no report was made:\n{done.stdout}")
    moments = [float(moment) for moment in BEFORE.findall(done.stdout)]
    for step, (start, end) in zip(steps(text), pairwise(moments), strict=True):
        found.append(Timed(step.command, len(step.command), end - start))
    return found


if __name__ == "__main__":
    main()
