"""The fitted model: of all ways to take the lines of a text for article or clutter, the one with the best sum.

A conditional random field over the lines (Lafferty, McCallum and Pereira, 2001): each line adds what its features
weigh, each border between two lines what the step from one state to the next weighs. The best way is found by
Viterbi's algorithm. All numbers come from ``config/clutter/model.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import inf

import numpy as np
import numpy.typing as npt

from schemas.rules import ARTICLE, CutKind, Model
from transforms.core.clutter.features import PAIR, PROSE, Form, of_word
from transforms.core.clutter.fitting import Strengths

Sums = npt.NDArray[np.float64]
"""For each line (the rows) and each state (the columns) what speaks for it."""

_MOST_WORDS = 1 << 16
# Words that are remembered with their rows; then it begins anew. A language is read with some ten thousand.


class _Rows(dict[tuple[str, ...], tuple[int, ...]]):
    """The rows of the table for groups of features, remembered once they are asked for."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        super().__init__()
        self._numbers = numbers

    def __missing__(self, names: tuple[str, ...]) -> tuple[int, ...]:
        rows = tuple(filter(None, map(self._numbers.get, names)))
        self[names] = rows
        return rows


class _WordRows(dict[str, tuple[int, ...]]):
    """The same for words, with what they bring in prose or out of it."""

    def __init__(self, numbers: Mapping[str, int], *, prose: bool) -> None:
        super().__init__()
        self._numbers, self._prose = numbers, prose

    def __missing__(self, word: str) -> tuple[int, ...]:
        rows = tuple(filter(None, map(self._numbers.get, of_word(word, self._prose))))
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = rows
        return rows


class Chain:
    """A model made ready for use. States are numbers; ``ARTICLE_STATE`` is the one that stays.

    What the features weigh is a table with a row each and a column for each state.
    """

    ARTICLE_STATE = 0

    def __init__(self, model: Model) -> None:
        self.states = (ARTICLE, *(state for state in model.states if state != ARTICLE))
        self.caution = {False: model.caution, True: model.caution_pages}
        self._kinds = [model.states[state] for state in self.states]
        # The first row weighs nothing, so that no line is without one.
        weights = model.weights
        self._numbers = {name: row for row, name in enumerate(weights.features(), 1)}
        self._table = np.zeros((len(weights) + 1, len(self.states)))
        rows = np.repeat(np.arange(1, len(weights) + 1), np.frombuffer(weights.counts, np.uint8))
        columns = np.array([self.states.index(state) for state in weights.states], np.intp)
        self._table[rows, columns[np.frombuffer(weights.columns, np.uint8)]] = np.frombuffer(weights.values)
        self._groups = _Rows(self._numbers)
        self._ruled: dict[Strengths, npt.NDArray[np.float64]] = {}
        # By whether the line is prose:
        self._words = _WordRows(self._numbers, prose=False), _WordRows(self._numbers, prose=True)
        self._pairs: tuple[dict[str, dict[str, int]], ...] = ({}, {})
        same: dict[str, str] = {}
        for name, row in self._numbers.items():
            for pairs, begin in zip(self._pairs, PAIR, strict=True):
                if name.startswith(begin):
                    word, _, behind = name[len(begin) :].partition(" ")
                    pairs.setdefault(word, {})[same.setdefault(behind, behind)] = row
        self._steps = [
            [model.steps.get(f"{before}>{behind}", 0.0) for before in self.states] for behind in self.states
        ]
        # What the steps to a line and from it can add at most by its being in a state and not article; at the ends of
        # the text one of them is not there.
        steps = self._steps
        self._gains = np.array(
            [
                max(0.0, *(before - article for before, article in zip(steps[state], steps[0], strict=True)))
                + max(0.0, *(behind[state] - behind[0] for behind in steps))
                for state in range(len(self.states))
            ]
        )

    def kind(self, state: int) -> CutKind:
        """The kind of a cut in this state, where no rule names one."""
        return self._kinds[state] or CutKind.OTHER

    def rows(self, form: Form) -> list[int]:
        """The rows of the table for what a line says by itself."""
        prose = form.shape in PROSE
        tokens, words, pairs = form.said, self._words[prose], self._pairs[prose]
        rows = [0, *filter(None, map(self._numbers.get, form.names))]
        for word in dict.fromkeys(tokens):
            rows += words[word]
        rows += [
            seconds[behind]
            for word, behind in pairwise(tokens)
            if word in pairs and behind in (seconds := pairs[word])
        ]
        return rows

    def weigh(self, lines: Iterable[tuple[Iterable[int], Iterable[tuple[str, ...]]]]) -> Sums:
        """For each line and state the sum of its rows (at least one) and of further groups of features."""
        known = self._groups
        rows: list[int] = []
        begins = []
        for own, groups in lines:
            begins.append(len(rows))
            rows += own
            for group in groups:
                rows += known[group]
        if not rows:
            return np.zeros((0, len(self.states)))
        return np.add.reduceat(self._table.take(rows, axis=0), begins, axis=0)

    def weigh_by_strength(self, features: Iterable[tuple[str, float]]) -> npt.NDArray[np.float64]:
        """For each state the sum of features of which each has a strength."""
        sums = np.zeros(len(self.states))
        for feature, strength in features:
            sums += strength * self._table[self._numbers.get(feature, 0)]
        return sums

    def weigh_rules(self, strengths: Strengths) -> npt.NDArray[np.float64]:
        """The same for what rules say, remembered: few of all ways in which rules fit a line occur."""
        if strengths not in self._ruled:
            self._ruled[strengths] = self.weigh_by_strength(strengths)
        return self._ruled[strengths]

    def reasons(self, features: Mapping[str, float], state: int, most: int = 5) -> tuple[tuple[str, float], ...]:
        """The features that speak most for ``state`` against the article, with what they weigh, heaviest first."""
        found = []
        for feature, strength in features.items():
            weights = self._table[self._numbers.get(feature, 0)].tolist()
            weight = strength * (weights[state] - weights[self.ARTICLE_STATE])
            if weight > 0:
                found.append((-weight, feature))
        return tuple((feature, round(-weight, 2)) for weight, feature in sorted(found)[:most])

    def best_path(self, sums: Sums) -> list[int]:
        """The state of each line in the way with the best sum; of equal ways the one with the lower states.

        A state in which a line loses more against the article than any steps could win back is in no best way, and
        is not looked at.
        """
        if not len(sums):
            return []
        article = self.ARTICLE_STATE
        is_open = sums + self._gains >= sums[:, :1]
        sole = (is_open.sum(axis=1) == 1).tolist()
        stays = self._steps[article][article]
        back: list[dict[int, int]] = []
        scores: dict[int, float] = {}
        for own, mask, alone in zip(sums.tolist(), is_open.tolist(), sole, strict=True):
            if not scores:
                scores = {state: own[state] for state, is_in in enumerate(mask) if is_in}
                continue
            if alone and len(scores) == 1 and article in scores:
                scores = {article: scores[article] + stays + own[article]}
                back.append(_STAYS)
                continue
            came: dict[int, int] = {}
            new: dict[int, float] = {}
            for state, is_in in enumerate(mask):
                if is_in:
                    steps = self._steps[state]
                    best = -inf
                    for s, score in scores.items():
                        if score + steps[s] > best:
                            best, came[state] = score + steps[s], s
                    new[state] = best + own[state]
            back.append(came)
            scores = new
        state = max(scores, key=lambda s: (scores[s], -s))
        path = [state]
        for came in reversed(back):
            state = came[state]
            path.append(state)
        return path[::-1]


_STAYS = {Chain.ARTICLE_STATE: Chain.ARTICLE_STATE}
