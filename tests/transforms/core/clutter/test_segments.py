"""Where a text is parted."""

from __future__ import annotations

import pytest

from transforms.core.clutter.segments import RUN_ON, fold, segments, sentence_seams

STORY = (
    "De veerpont bij Oudendam vaart weer. Dr. Vos en prof. Kuip keken toe! "
    "\"Eindelijk\", zei de veerman. 'Het werd tijd.' "
    "Om 9.30 uur ging de eerste fietser mee. N.V. Pont betaalt alles. "
)
RUN_ON_STORY = STORY * (RUN_ON // len(STORY) + 1)


def pieces(text: str) -> list[str]:
    return [piece.form for piece in segments(fold(text))]


def test_a_text_without_line_breaks_is_parted_where_sentences_begin() -> None:
    assert pieces(RUN_ON_STORY)[:6] == [
        "De veerpont bij Oudendam vaart weer.",
        "Dr. Vos en prof. Kuip keken toe!",
        '"Eindelijk", zei de veerman.',
        "'Het werd tijd.'",
        "Om 9.30 uur ging de eerste fietser mee.",
        "N.V. Pont betaalt alles.",
    ]


@pytest.mark.parametrize("text", [STORY, "\n".join([STORY] * 20), ""])
def test_a_text_with_line_breaks_is_parted_there_alone(text: str) -> None:
    assert sentence_seams(text) == []
    assert pieces(text) == [line.strip() for line in text.splitlines()]


def test_no_character_is_lost_between_the_pieces() -> None:
    found = segments(RUN_ON_STORY)
    assert "".join(RUN_ON_STORY[piece.start : piece.end] for piece in found) == RUN_ON_STORY
    assert [piece.glued for piece in found] == [False, *[True] * (len(found) - 1)]
