"""What every test may ask for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import hypothesis
import pytest

from pipeline.settings import Config, load
from transforms.core.clutter.rules import RuleBook, rule_book

# How long an example takes says more of the machine than of the code. The suite tries the same examples every time,
# so that only a change can break it; `--hypothesis-profile explore` looks for new ones.
hypothesis.settings.register_profile(
    "knipsel", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "explore", hypothesis.settings.get_profile("knipsel"), derandomize=False, max_examples=2_000, print_blob=True
)
hypothesis.settings.load_profile("knipsel")

REPOSITORY = Path(__file__).parent.parent
SHARED = REPOSITORY.parent / "shared"
PACED = (
    "tests/transforms/fetching/",
    "tests/press/",
    "tests/pipeline/test_hostile.py::test_each",
    "tests/pipeline/test_hostile.py::test_whoever",
    "tests/pipeline/test_watch.py",
)
"""Tests in which a server is slow on purpose, or something is given up after a while."""
NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is told by moments."""
    for item in items:
        if item.nodeid.startswith(PACED):
            item.add_marker(pytest.mark.paced)


@pytest.fixture(scope="session")
def config() -> Config:
    """The settings, rules and vocabularies that ship."""
    return load()


@pytest.fixture(scope="session")
def book(config: Config) -> RuleBook:
    """The clutter rules that ship."""
    return rule_book(config.rules)


@pytest.fixture(scope="session")
def seeds() -> Path:
    """The five real documents, which are not part of the repository."""
    folder = SHARED / "seeds"
    if not folder.is_dir():
        pytest.skip("the five seed documents are third-party texts and do not lie beside this checkout")
    return folder
