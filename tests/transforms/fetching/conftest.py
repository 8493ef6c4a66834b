"""What the tests of fetching may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.transforms.fetching.loopback import Loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server on loopback, on an address a host."""
    with Loopback() as loopback:
        yield loopback
