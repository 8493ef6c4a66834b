"""What the extractor left out although it belongs to the article: standfirst, paragraphs and subheadings put back.

A block is put back for where it stands: between title and text, or among the blocks that were taken.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from lxml import etree
from lxml.html import HtmlElement

from transforms.core.blocks import HEADINGS, INLINE, SENTENCE_END, bare, is_unseen, leaves, squeezed

_SHORTEST_STANDFIRST, _PROBE = 30, 20
"""Characters: below lie section names and the like; so much of the beginning must stand in one text node."""

_TRIES = 10
"""Places tried for a description: more are no page of one article, and each costs a look at all around it."""

_MORE, _ALIKE = 1.5, 0.8
"""A standfirst holds the description and at most half as much again (a dateline, a last sentence), or shares
four fifths of its words. On 148 pages 47 were put back so, 45 of them rightly; of other blocks 23 in 27."""

_SURE_SENTENCE = 50
"""Characters of a block between title and text that is a standfirst for being a sentence alone; shorter ones are
so only under a name that says it."""

_SURE_FORM = 20
"""Letters and figures of a block that can be found by its text; shorter ones stand in many places."""

_JUMP = 12
"""Lines between one block of the page and the next in the text. Further on, it is the same words elsewhere."""

_PARAGRAPH, _LAST_WORDS, _APART = 40, 20, 60
"""Characters of a lost paragraph: one that looks like the others, one beside others that is a sentence, and one
that is a sentence in an element around the others."""

_HEADING = 150
"""Characters of the longest subheading."""

_TAKEN, _TAKEN_SHARE = 300, 0.4
"""Letters and figures of blocks that look alike, and their share that was taken, for the rest to be lost ones."""

_LINKED, _LINKED_AMONG, _LINKED_STANDFIRST = 0.5, 0.9, 0.3
"""Shares of a block in links, above which it is a teaser: behind the text, within it, and before it."""

_holding = etree.XPath("//body//text()[contains(., $probe)]")
_NO_STANDFIRST = frozenset({"nav", "footer", "aside", "menu", "figcaption", "a", "figure", "table", "title"})
_STANDFIRST_TAGS = frozenset({"p", "h2", "h3", "div"})
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NAMES = frozenset(
    {
        *("lead", "lede", "standfirst", "intro", "introduction", "summary", "excerpt", "abstract", "description"),
        *("subtitle", "subheadline", "subhead", "deck", "dek", "strapline", "vorspann", "chapo", "entradilla"),
    }
)


@dataclass(slots=True)
class _Block:
    """A block of the page.

    Attributes:
        form: Its text, bare.
        line: Where it stands in the extracted text; ``None`` where it does not, -1 where that cannot be told.
    """

    element: HtmlElement
    text: str
    form: str
    line: int | None

    @property
    def looks(self) -> tuple[object, ...]:
        """What blocks of one kind have in common: element, class, and first class of the element around."""
        around = self.element.getparent()
        outer = (around.get("class") or "").split() if around is not None else []
        return self.element.tag, self.element.get("class") or "", outer[0] if outer else ""

    def linked(self) -> float:
        return sum(len(squeezed(link)) for link in self.element.iter("a")) / len(self.text)


def put_back(tree: HtmlElement, text: str, headline: str | None, summaries: tuple[str, ...]) -> tuple[str, list[str]]:
    """The text with what was lost of it, and that alone.

    Args:
        tree: The page without furniture. Line breaks in it are made white space.
        text: What was extracted of it, a paragraph a line.
        headline: The headline, which is no standfirst.
        summaries: Descriptions that the page states, which a standfirst may repeat.
    """
    found: list[str] = []
    if standfirst := _described(tree, text, summaries):
        text = f"{standfirst}\n{text}"
        found.append(standfirst)
    for line_break in tree.iter("br"):
        line_break.tail = f"\n{line_break.tail or ''}"
    lines = text.split("\n")
    blocks = _placed(tree, lines)
    placed = [number for number, block in enumerate(blocks) if block.line is not None and block.line >= 0]
    if len(placed) < 2:
        return text, found
    top = list(_standfirst(blocks[: placed[0]], headline))
    more: dict[int, list[str]] = {}
    for after, block in _lost(blocks, placed):
        more.setdefault(after, []).append(block.text)
    out = [block.text for block in top]
    for number, line in enumerate(lines):
        out += [line, *more.get(number, ())]
    found += [block.text for block in top]
    found += [lost for number in sorted(more) for lost in more[number]]
    return "\n".join(out), found


def _placed(tree: HtmlElement, lines: list[str]) -> list[_Block]:
    """The blocks of the page, each with its place in the text."""
    forms = [bare(line) for line in lines]
    held = "".join(forms)
    ends = list(accumulate(map(len, forms)))
    exact = {form: number for number, form in reversed(list(enumerate(forms)))}
    blocks: list[_Block] = []
    at = 0
    for element in leaves(tree):
        text = squeezed(element)
        form = bare(text)
        if not form:
            continue
        line: int | None = None
        if len(form) < _SURE_FORM:
            line = exact.get(form)
        elif (found := held.find(form, ends[at] - len(forms[at]))) >= 0 or (found := held.find(form)) >= 0:
            line = bisect_left(ends, found + len(form))
        if line is not None:
            if at <= line <= at + _JUMP:
                at = line
            else:
                line = -1
        blocks.append(_Block(element, text, form, line))
    return blocks


def _lost(blocks: list[_Block], placed: list[int]) -> Iterator[tuple[int, _Block]]:
    """The blocks that were lost, each with the line behind which it belongs."""
    first, last = placed[0], placed[-1]
    taken, all_of_kind = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for block in blocks:
        all_of_kind[block.looks] += len(block.form)
        taken[block.looks] += len(block.form) if block.line is not None else 0
    beside = Counter(blocks[number].element.getparent() for number in placed if blocks[number].element.tag == "p")
    around = {
        above
        for number in placed
        for above in blocks[number].element.iterancestors("div", "section", "article", "main")
    }
    seen: set[str] = set()
    after = 0
    for number in range(first, len(blocks)):
        block = blocks[number]
        if block.line is not None:
            after = block.line if block.line >= 0 else after
            continue
        among = number < last
        if block.form in seen or block.linked() > (_LINKED_AMONG if among else _LINKED):
            continue
        parent, length, tag = block.element.getparent(), len(block.text), block.element.tag
        sentence = SENTENCE_END.search(block.text) is not None
        alike = taken[block.looks] >= max(_TAKEN, _TAKEN_SHARE * all_of_kind[block.looks])
        if tag in HEADINGS:
            lost = among and beside[parent] > 1 and length <= _HEADING
        elif tag != "p":
            lost = False
        elif alike and length >= _PARAGRAPH:
            lost = among or sentence
        else:
            near = (beside[parent] > 1 and length >= _LAST_WORDS) or (parent in around and length >= _APART)
            lost = among and sentence and near
        if lost:
            seen.add(block.form)
            yield after, block


def _standfirst(blocks: list[_Block], headline: str | None) -> Iterator[_Block]:
    """What stands between the title and the text and is a sentence, or is named as a standfirst."""
    titles = [number for number, block in enumerate(blocks) if _is_title(block.element)]
    if not titles:
        return
    title = {blocks[titles[-1]].form, bare(headline or "")} - {""}
    for block in blocks[titles[-1] + 1 :]:
        if (
            block.line is not None
            or block.element.tag not in _STANDFIRST_TAGS
            or len(block.form) < _SHORTEST_STANDFIRST
        ):
            continue
        if any(form in block.form for form in title) or block.linked() > _LINKED_STANDFIRST:
            continue
        sentence = (
            len(block.text) >= _SURE_SENTENCE and SENTENCE_END.search(block.text) and block.text[-1] not in "?？"
        )
        if sentence or _is_named(block.element):
            yield block


def _is_title(element: HtmlElement) -> bool:
    return element.tag == "h1" or next(element.iterancestors("h1"), None) is not None


def _is_named(element: HtmlElement) -> bool:
    around = element.getparent()
    names = f"{element.get('class') or ''} {around.get('class') or '' if around is not None else ''}"
    return not _NAMES.isdisjoint(word.lower() for word in _WORDS.findall(names))


def _described(tree: HtmlElement, text: str, summaries: tuple[str, ...]) -> str | None:
    """The description, where the page shows it as an element of its own and the text does not hold it."""
    held = bare(text)
    for summary in summaries:
        form = bare(summary.rstrip(". …"))
        if len(form) < _SHORTEST_STANDFIRST or form in held:
            continue
        if (shown := _shown(tree, summary.rstrip(". …"), form)) and bare(shown) not in held:
            return shown
    return None


def _shown(tree: HtmlElement, summary: str, form: str) -> str | None:
    """The first text block of the page, outside links and furniture, that says what the summary says."""
    words = set(summary.casefold().split())
    for found in _holding(tree, probe=summary[:_PROBE])[:_TRIES]:
        block: HtmlElement | None = found.getparent()
        if found.is_tail and block is not None:
            block = block.getparent()
        # Up from words in bold to their paragraph, and from the first of two paragraphs to what holds both.
        while block is not None and (up := block.getparent()) is not None:
            if block.tag not in INLINE - {"a"} and len(bare(squeezed(up))) > len(form):
                break
            block = up
        if block is None or any(
            above.tag in _NO_STANDFIRST or is_unseen(above) for above in (block, *block.iterancestors())
        ):
            continue
        shown = squeezed(block)
        others = set(shown.casefold().split())
        alike = len(words & others) >= _ALIKE * max(len(words), len(others))
        if alike or (form in bare(shown) and len(bare(shown)) <= _MORE * len(form)):
            return shown
    return None
