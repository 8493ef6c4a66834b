"""JSON Feed to its entries: versions 1.0 and 1.1, https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from schemas.reject import Reason, Refused
from transforms.core.feed_entries import Channel, Item, absolute, fragment_text, is_web, line, lines
from transforms.core.text import sound

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/([0-9]{1,3}(?:\.[0-9]{1,3})?)/?")
_NAMED = "jsonfeed.org/version"


def looks_like_json(markup: str) -> bool:
    """Whether a document, its blanks aside, begins as a JSON object does and no XML can."""
    return markup.lstrip()[:1] == "{"


def read_json_feed(text: str, url: str) -> tuple[Channel, list[Item], bool]:
    """What a JSON Feed says of itself and of its entries, and whether all of it is as the format has it.

    What is of another type than the format has it is passed over.

    Args:
        text: the document.
        url: where it came from; empty for a file.

    Raises:
        Refused: ``NOT_A_FEED`` for JSON that does not call itself a JSON Feed, ``FEED_PARSE`` for a feed that is no
            valid JSON or has no list of items.
    """
    try:
        feed, well_formed = _loaded(text)
        version = _VERSION.fullmatch(_string(feed.get("version")))
        if version is None:
            raise Refused(Reason.NOT_A_FEED, "JSON, but no JSON Feed")
        listed = feed.get("items")
        if not isinstance(listed, list):
            raise Refused(Reason.FEED_PARSE, "the JSON Feed has no list of items")
        items = [_item(each) for each in listed if isinstance(each, Mapping)]
    except (ValueError, RecursionError) as fault:
        reason = Reason.FEED_PARSE if _NAMED in text else Reason.NOT_A_FEED
        raise Refused(reason, f"no valid JSON: {type(fault).__name__}: {fault}"[:300]) from None
    site = absolute(line(feed.get("home_page_url")), url)
    major, _, minor = version[1].partition(".")
    channel = Channel(
        format=f"json{major}{minor or 0}",
        title=line(feed.get("title")),
        site=site,
        language=line(feed.get("language")),
        bases=(site, url),
    )
    return channel, items, well_formed and len(items) == len(listed)


def _loaded(text: str) -> tuple[Any, bool]:
    """The JSON in ``text``, and whether it is valid.

    It is read all the same with bare control characters in its strings, and with something behind it.
    """
    try:
        return json.loads(text), True
    except json.JSONDecodeError:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0], False


def _item(item: Mapping[str, Any]) -> Item:
    number = item.get("id")
    guid = str(number) if isinstance(number, int | float) else line(number)
    keywords = lines(_list(item.get("tags")))
    # Version 1.0 has one author, version 1.1 a list of them.
    authors = (*_list(item.get("authors")), item.get("author"))
    return Item(
        raw=json.dumps(item, sort_keys=True).encode(),
        guid=guid,
        link=line(item.get("url")) or (guid if is_web(guid) else line(item.get("external_url"))),
        title=line(item.get("title")),
        summary=_text(item.get("summary")),
        content=fragment_text(_string(item.get("content_html"))) or _text(item.get("content_text")),
        published=line(item.get("date_published")),
        updated=line(item.get("date_modified")),
        language=line(item.get("language")),
        section=next(iter(keywords), None),
        keywords=keywords,
        authors=lines(author.get("name") for author in authors if isinstance(author, Mapping)),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    return sound(_string(value))[0].strip()
