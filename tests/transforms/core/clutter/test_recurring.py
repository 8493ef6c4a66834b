from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.core.clutter import recurring
from transforms.core.clutter.recurring import (
    KEEP_SHARE,
    MAX_KEYS,
    MAX_OUTLETS,
    MIN_ARTICLES,
    SAMPLE_ARTICLES,
    UNSEEN_ARTICLES,
    RecurringLines,
    Seen,
    Tally,
    countable_keys,
    line_key,
    merged,
    seen,
    tally,
)
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.segments import fold
from transforms.core.clutter.strip import strip

FOOTER = "De Lindebode verschijnt in Oudewal en omstreken"
SENTENCE = "De politie van Oudewal onderzoekt nog hoe het ongeluk kon gebeuren."
BACKGROUND = (
    "De kabelbaan tussen de haven en het station werd drie jaar geleden aanbesteed "
    "en had al een jaar open moeten zijn."
)


def body(number: int, *more: str, before: str = "") -> str:
    """Article ``number``: two lines of its own around ``before``, and ``more`` below them."""
    words = random.Random(number).sample(range(1000), 4)
    lede = f"Schipper {chr(65 + words[0] % 26)}{words[1]} meerde vanochtend aan bij steiger {words[2]} van de haven."
    end = f"Het was de vangst nummer {number} van dit jaar, zegt de havenmeester van Oudewal tevreden."
    return "\n\n".join([lede, *([before] if before else []), end, *more])


def run_of(texts: Mapping[str, str]) -> Tally:
    return tally(merged([{i: seen(text, f"Kop van {i}", version=1)} for i, text in texts.items()]))


def after(texts: list[str], *, before: RecurringLines | None = None, run: int = 1) -> RecurringLines:
    lines = before or RecurringLines()
    return lines.learned({"lindebode": run_of({f"{run}-{n}": text for n, text in enumerate(texts)})}, run)


# What counts


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Lees de krant van 12 mei", "LEES de krant van 3 mei", True),
        ("Meer  nieuws uit Oude\u00a0wal", "meer nieuws uit oude wal", True),
        ("Cafe\u0301 De Kroon in Oudewal", "Caf\u00e9 De Kroon in Oudewal", True),
        ("De index sloot 0,3 procent hoger.", "De index sloot 0,4 procent hoger.", False),
        ("Meer nieuws uit Oudewal", "Meer nieuws uit Lindewaard", False),
    ],
)
def test_which_lines_are_the_same(one: str, other: str, same: bool) -> None:
    assert (line_key(fold(one)) == line_key(fold(other))) is same


def test_a_line_counts_once_an_article_and_the_headline_does_not() -> None:
    text = f"Haven van Oudewal ligt vol\n{SENTENCE}\n{SENTENCE}\nHaven van Oudewal ligt vol\n"
    assert countable_keys(text, "Haven van Oudewal ligt vol") == {line_key(SENTENCE)}


@pytest.mark.parametrize("line", ["Reacties", "12-03-2026 12:30 | 14", "Lees verder", "x. " * 300, "", "🙂" * 40])
def test_lines_that_never_count(line: str) -> None:
    assert countable_keys(line) == frozenset()
    assert not after([line] * 50).recurs("lindebode", line)


@given(st.text(), st.none() | st.text())
def test_any_text_has_keys(text: str, headline: str | None) -> None:
    assert len(countable_keys(text, headline)) <= 2 * (recurring.TOP_LINES + recurring.TAIL_LINES)


def test_of_a_table_of_thousands_of_rows_only_the_ends_count() -> None:
    rows = [
        f"Vertrek van de veerboot {'abcdefghij'[n % 10] * (n % 97 + 1)} naar Oudewal en terug." for n in range(5000)
    ]
    keys = countable_keys("\n".join(rows))
    assert line_key(rows[0]) in keys
    assert line_key(rows[-1]) in keys
    assert len(keys) <= recurring.TOP_LINES + recurring.TAIL_LINES


# Which lines are known then


def test_a_footer_of_thirty_articles_is_known() -> None:
    lines = after([body(n, FOOTER, BACKGROUND) for n in range(30)])
    assert lines.recurs("lindebode", FOOTER)
    assert lines.recurs("lindebode", BACKGROUND)
    assert not lines.recurs("lindewaard", FOOTER), "what one outlet prints tells nothing of another"
    for line in body(7).splitlines():
        assert not lines.recurs("lindebode", line)


def test_a_slow_outlet_is_known_in_some_nights() -> None:
    lines, nights = RecurringLines(), 0
    while not lines.recurs("lindebode", FOOTER):
        nights += 1
        lines = after([body(n, FOOTER) for n in range(3)], before=lines, run=nights)
    assert nights == -(-MIN_ARTICLES // 3)


@pytest.mark.parametrize("times", [2, 3, MIN_ARTICLES - 1])
def test_a_running_gag_is_not_known(times: int) -> None:
    texts = [body(n, FOOTER) if n < times else body(n) for n in range(30)]
    assert not after(texts).recurs("lindebode", FOOTER)


def test_a_sentence_needs_half_of_the_articles_and_a_bare_line_a_fifth() -> None:
    texts = [body(n, SENTENCE, FOOTER) if n < 12 else body(n) for n in range(40)]
    lines = after(texts)
    assert lines.recurs("lindebode", FOOTER)
    assert not lines.recurs("lindebode", SENTENCE)


def test_a_subheading_is_not_known_however_often_it_recurs() -> None:
    lines = after([body(n, FOOTER, before="Wat eraan voorafging") for n in range(30)])
    assert not lines.recurs("lindebode", "Wat eraan voorafging")
    assert lines.recurs("lindebode", FOOTER)


def test_a_short_line_above_furniture_is_known() -> None:
    lines = after([body(n, "Over deze krant", BACKGROUND) for n in range(30)])
    assert lines.recurs("lindebode", "Over deze krant")


def test_versions_and_second_addresses_of_an_article_count_once() -> None:
    text = body(1, FOOTER)
    versions = [{"a": seen(text, "Haven vol", version=n)} for n in range(1, 40)]
    assert tally(merged(versions)).articles == 1
    addresses = [{f"{n}": seen(text, "Haven vol", version=1)} for n in range(40)]
    assert tally(merged(addresses)).articles == 1
    later = tally(merged({f"{n}": seen(text, f"Haven {n}", version=2)} for n in range(40)))
    assert (later.articles, dict(later.keys)) == (0, {})
    assert RecurringLines().learned({"lindebode": later}, 2) == RecurringLines()


def test_the_run_that_found_a_line_is_kept_with_it() -> None:
    lines = after([body(n, FOOTER) for n in range(30)], run=3)
    lines = after([body(n, FOOTER, BACKGROUND) for n in range(100, 160)], before=lines, run=4)
    assert lines.furniture() == {"lindebode": {line_key(FOOTER): 3, line_key(BACKGROUND): 4}}


# What is forgotten


def test_a_line_that_is_no_longer_seen_is_forgotten() -> None:
    lines, run = after([body(n, FOOTER) for n in range(150)]), 1
    for run in range(2, 2 + UNSEEN_ARTICLES // 50):
        assert lines.recurs("lindebode", FOOTER)
        lines = after([body(1000 * run + n) for n in range(50)], before=lines, run=run)
    assert not lines.recurs("lindebode", FOOTER)
    assert run > 2


def test_what_stood_in_one_article_is_forgotten() -> None:
    first = after([body(1)])
    gone = countable_keys(body(1))
    assert gone == set(first.as_json()["lines"]["lindebode"]["keys"])
    lines = after([body(n) for n in range(2, 2 + int(1 / KEEP_SHARE))], before=first, run=2)
    assert not gone & set(lines.as_json()["lines"]["lindebode"]["keys"])


def test_the_state_is_bounded() -> None:
    many = Tally(5, {f"s{n:012x}": 5 - n % 3 for n in range(3 * MAX_KEYS)})
    lines = RecurringLines().learned({"lindebode": many}, 1)
    kept = lines.as_json()["lines"]["lindebode"]["keys"]
    assert len(kept) == MAX_KEYS
    assert {count for count, *_ in kept.values()} == {5}
    lines = lines.learned({f"krant{n}": Tally(1, {}) for n in range(MAX_OUTLETS)}, 2)
    assert len(lines.as_json()["lines"]) == MAX_OUTLETS
    assert "lindebode" not in lines.as_json()["lines"]


# Order and JSON

KEYS = [f"{bar}{n:012x}" for bar in "lns" for n in range(3)]
ids = st.integers(0, SAMPLE_ARTICLES + 60).map("{:04}".format)
entries = st.builds(Seen, st.booleans(), st.sampled_from(["", "t1", "t2"]), st.frozensets(st.sampled_from(KEYS)))
samples = st.dictionaries(ids, entries, max_size=30) | st.integers(0, 5).map(
    lambda k: {f"{n:04}": Seen(n % 7 > 0, "", frozenset({KEYS[n % 9]})) for n in range(k, SAMPLE_ARTICLES + 60, 2)}
)
tallies = st.builds(Tally, st.integers(1, 60), st.dictionaries(st.sampled_from(KEYS), st.integers(1, 60)))


@given(samples, samples, samples)
def test_samples_merge_in_any_order_and_grouping(a: dict[str, Seen], b: dict[str, Seen], c: dict[str, Seen]) -> None:
    whole = merged([a, b, c])
    assert whole == merged([merged([a, b]), c]) == merged([a, merged([b, c])]) == merged([c, b, a])
    assert merged([whole, whole]) == whole == merged([whole])
    assert len(whole) <= SAMPLE_ARTICLES
    assert tally(whole) == tally(dict(reversed(whole.items())))


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), tallies), max_size=6))
def test_the_state_survives_json(runs: list[dict[str, Tally]]) -> None:
    lines = RecurringLines()
    for run, found in enumerate(runs):
        lines = lines.learned(found, run)
        state = json.loads(json.dumps(lines.as_json()))
        again = RecurringLines.from_json(state)
        assert again == lines
        assert again.as_json() == state
        backwards = dict(reversed(found.items()))
        assert again.learned(backwards, run + 1).as_json() == lines.learned(found, run + 1).as_json()


@given(tallies)
def test_what_is_known_fits_its_bar(found: Tally) -> None:
    for key in RecurringLines().learned({"a": found}, 1).furniture().get("a", {}):
        assert found.keys[key] >= MIN_ARTICLES
        assert found.keys[key] >= 0.2 * found.articles


def test_a_state_of_another_kind_is_refused() -> None:
    assert RecurringLines.from_json({}) == RecurringLines.from_json({"cursor": 3}) == RecurringLines()
    for state in (
        {"lines": {"a": {}}, "version": 2},
        {"lines": {"a": {}}, "version": 1},
        {"lines": {"a": {"articles": 1, "run": 1, "keys": {"s": [1]}}}, "version": 1},
        {"lines": ["a"], "version": 1},
    ):
        with pytest.raises(ValueError, match="lines that recur"):
            RecurringLines.from_json(state)


# In the stripper


def test_known_lines_are_cut_and_nothing_else(book: RuleBook) -> None:
    lines = after([body(n, FOOTER, BACKGROUND) for n in range(30)])
    stripped = strip(
        body(99, FOOTER, BACKGROUND), book, headline="Kop", recurring=lambda form: lines.recurs("lindebode", form)
    )
    assert stripped.body == body(99)
    assert [cut.text.strip() for cut in stripped.removed if cut.rule == "signal.recurring-line"] == [
        FOOTER,
        BACKGROUND,
    ]
