"""What Knipsel has to be told to read the test press."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.press.outlets import NETWORK, Outlet

DELAY_SECONDS = 0.05


def feeds_toml(outlets: Iterable[Outlet]) -> str:
    """The ``feeds.toml`` for ``outlets``."""
    tables = []
    for outlet in outlets:
        keys: dict[str, object] = {
            "url": outlet.feed_url,
            "outlet": outlet.id,
            "name": outlet.name,
            "language": outlet.language,
            "country": outlet.country,
            "text": outlet.text,
            "interval_minutes": 0,
        }
        # What JSON has for strings and whole numbers is TOML as well.
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
        tables.append("\n".join(["[[feed]]", *lines]))
    return "\n\n".join(tables) + "\n"


def write_config(folder: Path, outlets: Sequence[Outlet], delay_seconds: float) -> Path:
    """Write ``feeds.toml`` and ``knipsel.toml`` into ``folder``; the latter's path, for ``--config``."""
    (folder / "feeds.toml").write_text(feeds_toml(outlets), encoding="utf-8")
    lines = [f"{key} = {value}" for key, value in _fetch(outlets[0].port, delay_seconds).items()]
    config = folder / "knipsel.toml"
    config.write_text("\n".join(["[fetch]", *lines]) + "\n", encoding="utf-8")
    return config


def overrides(port: int, delay_seconds: float) -> list[str]:
    """The values for ``--set``."""
    return [f"fetch.{key}={value}" for key, value in _fetch(port, delay_seconds).items()]


def _fetch(port: int, delay_seconds: float) -> dict[str, str]:
    return {"allow_private": f'["{NETWORK}"]', "ports": f"[{port}]", "delay_seconds": str(delay_seconds)}
