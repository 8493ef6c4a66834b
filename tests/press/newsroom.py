"""What the outlets have published: stories come, are edited and go. No clock and no network."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any, Self
from zoneinfo import ZoneInfo

from tests.press.outlets import PLUS, Format, Outlet
from tests.press.stories import compose, words

_MOMENT = dt.timedelta(seconds=97)
"""Between two stories of an outlet that are published together."""
_FORBIDDEN_EACH, _REDIRECTED_EACH = 10, 5
"""One story in so many lies where the outlet's robots.txt forbids, or behind a redirect."""
_SLUG_CHARS = 60


@dataclass(frozen=True, slots=True)
class Article:
    """One version of an article, and all that is true of it.

    Attributes:
        outlet: its short name.
        number: of the article at its outlet, from 1.
        version: from 1; an edit makes the next.
        url: where its page is.
        link: what the feed has; leads to ``url``.
        guid: what the feed has; ``None`` where the format has none.
        headline: of this version.
        paragraphs: the true text in order: standfirst, paragraphs, and the subheading among them.
        subheading: its place in ``paragraphs``, ``None`` without one.
        author: the name in the byline.
        section: of the outlet.
        published: when the first version came out, with the outlet's zone.
        modified: when this version came out.
        language: as BCP 47.
        allowed: whether robots.txt allows its page.
        listed: whether it is in the feed now.
        gone: whether its page was deleted.
        photographer: the name in the credit of its picture.
        caption: of its picture.
    """

    outlet: str
    number: int
    version: int
    url: str
    link: str
    guid: str | None
    headline: str
    paragraphs: tuple[str, ...]
    subheading: int | None
    author: str
    section: str
    published: dt.datetime
    modified: dt.datetime
    language: str
    allowed: bool
    listed: bool
    gone: bool
    photographer: str
    caption: str

    @property
    def standfirst(self) -> str:
        """The first of ``paragraphs``."""
        return self.paragraphs[0]

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return asdict(self) | {"published": self.published.isoformat(), "modified": self.modified.isoformat()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """What ``to_json`` gave."""
        return cls(
            **fields
            | {
                "paragraphs": tuple(fields["paragraphs"]),
                "published": dt.datetime.fromisoformat(fields["published"]),
                "modified": dt.datetime.fromisoformat(fields["modified"]),
            }
        )


@dataclass(slots=True)
class Desk:
    """What one outlet has published.

    Attributes:
        outlet: whose it is.
        articles: all versions of each article, the articles in their order.
        changed: when its feed last changed.
        revision: how often its feed has changed.
    """

    outlet: Outlet
    articles: list[list[Article]] = field(default_factory=list)
    changed: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    revision: int = 0

    def current(self) -> list[Article]:
        """The present version of each article, the oldest article first."""
        return [versions[-1] for versions in self.articles]

    def listed(self, most: int) -> list[Article]:
        """What its feed lists, the newest article first."""
        return [article for article in reversed(self.current()) if not article.gone][:most]


class Newsroom:
    """Publishes, edits and deletes for all outlets; the same calls in the same order give the same news.

    Args:
        outlets: all of them.
        seed: of the stories and of what is edited and deleted.
        now: the time of what is done next, with a zone.
        keep: the most entries that a feed lists.
    """

    def __init__(self, outlets: tuple[Outlet, ...], seed: int, now: dt.datetime, keep: int) -> None:
        self.desks = {outlet.id: Desk(outlet) for outlet in outlets}
        self.now = now
        self.keep = keep
        self._seed = seed
        self._picks = 0

    def chosen(self, outlet: str | None) -> list[Desk]:
        """The desk of an outlet, or all of them.

        Raises:
            ValueError: there is no such outlet.
        """
        if outlet is None:
            return list(self.desks.values())
        if outlet not in self.desks:
            raise ValueError(f"there is no outlet {outlet!r}; there are {', '.join(self.desks)}")
        return [self.desks[outlet]]

    def publish(self, n: int, outlet: str | None = None) -> list[Article]:
        """New articles: ``n`` at the outlet, or at each of them."""
        return [
            self._publish(desk, self.now - (n - 1 - i) * _MOMENT) for desk in self.chosen(outlet) for i in range(n)
        ]

    def edit(self, n: int, outlet: str | None = None) -> list[Article]:
        """Edit ``n`` of the articles that a feed lists, or of those of each feed: text, headline and date change.

        Raises:
            ValueError: the feed lists fewer whose pages may be asked for.
        """
        return [self._edit(*picked) for picked in self._picked(n, outlet)]

    def delete(self, n: int, outlet: str | None = None) -> list[Article]:
        """Delete ``n`` of the articles that a feed lists, or of those of each feed.

        Raises:
            ValueError: the feed lists fewer whose pages may be asked for.
        """
        return [self._delete(*picked) for picked in self._picked(n, outlet)]

    def truth(self, *, all_versions: bool = False) -> list[Article]:
        """Every article as it is now, or as it was in each of its versions."""
        found = []
        for desk in self.desks.values():
            listed = {article.number for article in desk.listed(self.keep)}
            for versions in desk.articles:
                shown = [replace(a, listed=a.number in listed, gone=versions[-1].gone) for a in versions]
                found += shown if all_versions else shown[-1:]
        return found

    def _picked(self, n: int, outlet: str | None) -> list[tuple[Desk, Article]]:
        self._picks += 1
        picked: list[tuple[Desk, Article]] = []
        for desk in self.chosen(outlet):
            open_to = [article for article in desk.listed(self.keep) if article.allowed]
            if len(open_to) < n:
                raise ValueError(f"{desk.outlet.id} lists {len(open_to)} articles that may be read, not {n}")
            rng = Random(f"{self._seed}/{desk.outlet.number}/pick/{self._picks}")
            picked += [(desk, article) for article in rng.sample(open_to, n)]
        return picked

    def _publish(self, desk: Desk, at: dt.datetime) -> Article:
        outlet, number = desk.outlet, len(desk.articles) + 1
        story = compose(outlet.language, outlet.country, f"{self._seed}/{outlet.number}/{number}")
        sections = words(outlet.language, outlet.country)["clutter"]["sections"]
        section = sections[number % len(sections)]
        allowed = not (outlet.forbids and number % _FORBIDDEN_EACH == 2)
        folder = _slug(section) if allowed else PLUS
        url = f"{outlet.origin}/{folder}/{_slug(story.headline)}-{number}.html"
        redirected = outlet.redirects and number % _REDIRECTED_EACH == 3
        link = f"{outlet.origin}/go/{number}" if redirected else url
        published = self._zoned(outlet, at)
        article = Article(
            outlet=outlet.id,
            number=number,
            version=1,
            url=url,
            link=link,
            guid=_guid(outlet, link, number),
            headline=story.headline,
            paragraphs=(story.standfirst, *story.paragraphs),
            subheading=None if story.subheading is None else story.subheading + 1,
            author=story.author,
            section=section,
            published=published,
            modified=published,
            language=outlet.language,
            allowed=allowed,
            listed=True,
            gone=False,
            photographer=story.photographer,
            caption=story.caption,
        )
        desk.articles.append([article])
        self._touch(desk)
        return article

    def _edit(self, desk: Desk, article: Article) -> Article:
        outlet, version = desk.outlet, article.version + 1
        seed = f"{self._seed}/{outlet.number}/{article.number}"
        story = compose(outlet.language, outlet.country, seed, version)
        self._touch(desk)
        edited = replace(
            article,
            version=version,
            headline=story.headline,
            paragraphs=(story.standfirst, *story.paragraphs),
            modified=self._zoned(outlet, max(desk.changed, article.modified + dt.timedelta(seconds=1))),
        )
        desk.articles[article.number - 1].append(edited)
        return edited

    def _delete(self, desk: Desk, article: Article) -> Article:
        gone = replace(article, gone=True, listed=False)
        desk.articles[article.number - 1][-1] = gone
        self._touch(desk)
        return gone

    def _touch(self, desk: Desk) -> None:
        # Last-Modified counts seconds: two changes at one moment would be one, and the second never seen.
        desk.changed = max(self.now, desk.changed + dt.timedelta(seconds=1))
        desk.revision += 1

    def _zoned(self, outlet: Outlet, at: dt.datetime) -> dt.datetime:
        return at.replace(microsecond=0).astimezone(ZoneInfo(outlet.timezone))


def _guid(outlet: Outlet, link: str, number: int) -> str | None:
    match outlet.format:
        case Format.RSS_091 | Format.RSS_092:
            return None
        case Format.RSS_20 if not outlet.permalinks:
            return f"{outlet.id}:{number}"
        case Format.RSS_10 | Format.RSS_20:
            return link
        case Format.ATOM_03 | Format.ATOM_10:
            return f"tag:{outlet.address},2026:{number}"
        case Format.JSON_11:
            return f"{outlet.id}/{number}"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:_SLUG_CHARS].strip("-")
