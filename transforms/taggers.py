"""Taggers that other packages bring along, found by the entry points of the group ``knipsel.taggers``.

A package registers a callable that takes the headline (or ``None``), the body and the language of an article and
gives its tags::

    [project.entry-points."knipsel.taggers"]
    football = "my_package.tags:clubs"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from schemas.article import Tag

GROUP = "knipsel.taggers"

Tagger = Callable[[str | None, str, str], Iterable[Tag]]
"""``(headline, body, language)`` to tags; the same for the same article, and quick: it is called for each."""


class TaggerError(Exception):
    """A tagger that cannot be used; one line with its name, where it comes from, and what is wrong."""


@dataclass(frozen=True, slots=True)
class PlugIn:
    """A tagger of another package, by the name of its entry point."""

    name: str
    tagger: Tagger

    def __call__(self, headline: str | None, body: str, language: str) -> tuple[Tag, ...]:
        """The tags that it gives an article.

        Raises:
            TaggerError: it gave something else; what it raises itself is passed on.
        """
        given = tuple(self.tagger(headline, body, language))
        for tag in given:
            if not isinstance(tag, Tag):
                raise TaggerError(f"tagger {self.name}: gave {type(tag).__name__}, not schemas.article.Tag")
            if not (tag.scheme and tag.code and 0 <= tag.score <= 1):
                raise TaggerError(f"tagger {self.name}: {tag} needs a scheme, a code and a score in 0..1")
        return given


def load_taggers() -> tuple[PlugIn, ...]:
    """The taggers of all installed packages, by name.

    Raises:
        TaggerError: one cannot be imported or called, or two have one name.
    """
    return tuple(PlugIn(name, _load(point)) for name, point in _installed().items())


def installed_taggers() -> tuple[str, ...]:
    """The names of these taggers with what they are and the version of their package; nothing is loaded.

    Raises:
        TaggerError: two have one name.
    """
    return tuple(
        f"{name} {point.value} {point.dist.version if point.dist else ''}" for name, point in _installed().items()
    )


def _installed() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise TaggerError(f"tagger {point.name}: is both {other.value} and {point.value}; remove or rename one")
    return found


def _load(point: EntryPoint) -> Tagger:
    try:
        tagger = point.load()
    except Exception as fault:
        # Importing runs the package's own code, which may raise anything; it is named and not hidden.
        raise TaggerError(f"{_where(point)} cannot be loaded: {type(fault).__name__}: {fault}") from fault
    if not callable(tagger):
        raise TaggerError(f"{_where(point)} is of type {type(tagger).__name__} and cannot be called")
    loaded: Tagger = tagger
    return loaded


def _where(point: EntryPoint) -> str:
    package = f" of {point.dist.name}" if point.dist is not None else ""
    return f"tagger {point.name}: {point.value}{package}"
