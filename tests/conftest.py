"""What every test may ask for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipeline.settings import Config, load
from transforms.core.clutter.rules import RuleBook, rule_book

REPOSITORY = Path(__file__).parent.parent
SHARED = REPOSITORY.parent / "shared"
NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)


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
