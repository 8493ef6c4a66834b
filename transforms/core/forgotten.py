"""Articles that were erased for good: how they are known again without their addresses being kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from schemas.reject import Reason, Refused, Reject
from transforms.core import urls
from transforms.core.identity import article_id

STATE = "forgotten"
"""The key under which the state of a data set keeps what was ``Forgotten``."""

STAGE = "forget"


def address_id(address: str | None) -> str | None:
    """The id of an article at this address, however the address is spelled; ``None`` where it is no address."""
    if not address or "://" not in address:
        return None
    try:
        return article_id(url=urls.canonical(urls.checked(address)), source_id="", record="")
    except Refused:
        return None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Tombstones: ids, which are hashes, of articles and of the addresses that they had."""

    ids: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; nothing where the state holds none.

        Raises:
            ValueError: it is not of this shape.
        """
        kept = state.get(STATE, [])
        if not isinstance(kept, list) or not all(isinstance(one, str) for one in kept):
            raise ValueError("what it keeps of erased articles cannot be read")
        return cls(frozenset(kept))

    def as_json(self) -> dict[str, Any]:
        """The key of the state that holds it, if there is anything to hold."""
        return {STATE: sorted(self.ids)} if self.ids else {}

    def known(self, *ids: str | None, addresses: Iterable[str | None] = ()) -> str | None:
        """The first of the ids, those of the addresses behind them, that is forgotten; ``None`` where none is."""
        if not self.ids:
            return None
        return next((one for one in (*ids, *map(address_id, addresses)) if one in self.ids), None)

    def instead(self, letter: Reject) -> Reject:
        """The dead letter, or one that tells nothing of an article that is forgotten."""
        one = self.known(addresses=(letter.url, letter.guid, letter.input_ref, letter.feed_url))
        return letter if one is None else obituary(one, source_id=letter.source_id)


def obituary(article_id: str, *, source_id: str | None = None, feed_url: str | None = None) -> Reject:
    """The dead letter of an erased article that came again; it names neither file nor address."""
    return Reject(
        stage=STAGE,
        code=Reason.FORGOTTEN,
        input_ref=f"forgotten#{article_id}",
        message="the article was erased for good, with 'knipsel forget', and is kept out",
        source_id=source_id,
        feed_url=feed_url,
    )
