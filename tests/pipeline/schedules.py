"""Nightly runs whose paths are hard to write down, and a shell that reads them back."""

from __future__ import annotations

import datetime as dt
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pipeline.schedule import Nightly

PLAIN = Nightly(Path("/data/press"), dt.time(4, 30), Path("/opt/knipsel/bin/knipsel"))
NASTY = (
    "a b",
    "100% pers",
    r"back\slash",
    r"two\\",
    r"be\%fore",
    "it's",
    'a "word"',
    "mixed 'x' \"y\" \\z%",
    "$HOME ${HOME} $(id) `id`",
    "&& ; | > < # * ? [a] ~ !",
    "{{ x }} {% y %} {# z #} ${{ secrets.A }}",
    "@ROOT@ @COMMAND@",
    "krantenknipsels-é-新聞-🗞",
    "run.sh",
    ": - + @ =",
)
seen = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ", exclude_characters="/")
names = st.one_of(
    st.sampled_from(NASTY),
    st.text(seen, min_size=1, max_size=20),
    st.text(st.sampled_from("ab \\%'\"${}#`@"), min_size=1, max_size=12),
).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: Path("/data", *parts))


def nightly(root: Path, config: Path | None = None, **changes: Any) -> Nightly:
    return replace(PLAIN, root=root, config=config, **changes)


def words(run: Nightly) -> list[str]:
    given_config = ["--config", str(run.config)] if run.config else []
    return [str(run.program), "run", "--root", str(run.root), *given_config]


def bash(command: str) -> list[str]:
    """The words that a shell makes of ``command``, which expands nothing but what is quoted."""
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True, env={})
    return done.stdout.decode().split("\0")[:-1]
