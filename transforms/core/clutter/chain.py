"""The fitted model: of all ways to take the lines of a text for article or clutter, the one with the best sum.

A conditional random field over the lines (Lafferty, McCallum and Pereira, 2001): each line adds what its features
weigh, each border between two lines what the step from one state to the next weighs. The best way is found by
Viterbi's algorithm. All numbers come from ``config/clutter/model.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from schemas.rules import ARTICLE, CutKind, Model
from transforms.core.clutter.features import PAIR, PROSE, Form, of_word

_Weights = tuple[tuple[int, float], ...]


class Chain:
    """A model made ready for use. States are numbers; ``ARTICLE_STATE`` is the one that stays."""

    ARTICLE_STATE = 0

    def __init__(self, model: Model) -> None:
        self.states = (ARTICLE, *(state for state in model.states if state != ARTICLE))
        self.caution = {False: model.caution, True: model.caution_pages}
        number = {state: i for i, state in enumerate(self.states)}
        self._kinds = [model.states[state] for state in self.states]
        self._weights: dict[str, _Weights] = {
            name: tuple((number[state], weight) for state, weight in weights.items())
            for name, weights in model.weights.items()
        }
        # By whether the line is prose, for each word those that it is weighed with.
        self._pairs: tuple[dict[str, dict[str, _Weights]], ...] = ({}, {})
        for name, weights in self._weights.items():
            for pairs, begin in zip(self._pairs, PAIR, strict=True):
                if name.startswith(begin):
                    word, _, behind = name[len(begin) :].partition(" ")
                    pairs.setdefault(word, {})[behind] = weights
        self._words: tuple[dict[str, _Weights], ...] = ({}, {})
        self._steps = [
            [model.steps.get(f"{before}>{behind}", 0.0) for before in self.states] for behind in self.states
        ]
        # What the steps to a line and from it can add at most by its being in a state and not article; at the ends of
        # the text one of them is not there.
        steps = self._steps
        self._gains = [
            max(0.0, *(before - article for before, article in zip(steps[state], steps[0], strict=True)))
            + max(0.0, *(behind[state] - behind[0] for behind in steps))
            for state in range(len(self.states))
        ]

    def kind(self, state: int) -> CutKind:
        """The kind of a cut in this state, where no rule names one."""
        return self._kinds[state] or CutKind.OTHER

    def weigh_form(self, form: Form) -> list[float]:
        """For each state the sum of what a line says by itself."""
        sums = self.weigh(form.names)
        prose = form.shape in PROSE
        tokens, words, pairs = form.tokens, self._words[prose], self._pairs[prose]
        for word in dict.fromkeys(tokens):
            for state, weight in words[word] if word in words else self._word(word, prose):
                sums[state] += weight
        for word, behind in pairwise(tokens):
            if word in pairs and behind in (seconds := pairs[word]):
                for state, weight in seconds[behind]:
                    sums[state] += weight
        return sums

    def _word(self, word: str, prose: bool) -> _Weights:
        """What a word weighs with its stem and its last part; remembered where that is anything."""
        sums: dict[int, float] = {}
        for feature in of_word(word, prose):
            for state, weight in self._weights.get(feature, ()):
                sums[state] = sums.get(state, 0.0) + weight
        if sums:
            self._words[prose][word] = tuple(sums.items())
        return tuple(sums.items())

    def weigh(self, features: Iterable[str]) -> list[float]:
        """For each state the sum of what the features weigh."""
        sums = [0.0] * len(self.states)
        weights = self._weights
        for feature in features:
            if feature in weights:
                for state, weight in weights[feature]:
                    sums[state] += weight
        return sums

    def weigh_by_strength(self, features: Mapping[str, float]) -> list[float]:
        """The same for features of which each has a strength."""
        sums = [0.0] * len(self.states)
        weights = self._weights
        for feature, strength in features.items():
            if feature in weights:
                for state, weight in weights[feature]:
                    sums[state] += strength * weight
        return sums

    def reasons(self, features: Mapping[str, float], state: int, most: int = 5) -> tuple[tuple[str, float], ...]:
        """The features that speak most for ``state`` against the article, with what they weigh, heaviest first."""
        found = []
        for feature, strength in features.items():
            weights = dict(self._weights.get(feature, ()))
            weight = strength * (weights.get(state, 0.0) - weights.get(self.ARTICLE_STATE, 0.0))
            if weight > 0:
                found.append((-weight, feature))
        return tuple((feature, round(-weight, 2)) for weight, feature in sorted(found)[:most])

    def best_path(self, sums: Sequence[Sequence[float]]) -> list[int]:
        """The state of each line in the way with the best sum; of equal ways the one with the lower states.

        A state in which a line loses more against the article than any steps could win back is in no best way, and
        is not looked at.
        """
        back: list[dict[int, int]] = []
        scores: dict[int, float] = {}
        for own in sums:
            bar = own[0]
            open_states = [s for s, gain in enumerate(self._gains) if own[s] + gain >= bar]
            if not scores:
                scores = {state: own[state] for state in open_states}
                continue
            came, new = {}, {}
            for state in open_states:
                steps = self._steps[state]
                best, before = max([(score + steps[s], -s) for s, score in scores.items()])
                came[state] = -before
                new[state] = best + own[state]
            back.append(came)
            scores = new
        if not scores:
            return []
        state = max(scores, key=lambda s: (scores[s], -s))
        path = [state]
        for came in reversed(back):
            state = came[state]
            path.append(state)
        return path[::-1]
