from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from transforms.core.clutter.features import describe


@given(st.text(alphabet="\u06610aZ .-", min_size=1, max_size=200).map(str.strip).filter(bool))
@example("\u06610 uur")
def test_figures_count_wherever_they_stand_in_a_number(text: str) -> None:
    counted = any(name.startswith("dig=") for name in describe(text).names)
    assert counted == ("0" in text)
