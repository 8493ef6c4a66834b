from __future__ import annotations

from hashlib import sha256

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.core.keys import key_of, keys_of

HASHES = st.integers(0, 10**6).map(lambda number: sha256(str(number).encode()).hexdigest()[:32])


def test_the_key_of_a_hash_is_its_beginning() -> None:
    assert key_of("00000000000000ff" + "a" * 16) == 255
    assert keys_of(pa.array(["00000000000000ff" + "a" * 16, "f" * 32])).tolist() == [255, 2**64 - 1]


@given(
    st.one_of(
        st.lists(HASHES),
        st.lists(st.text()),
        st.lists(st.one_of(HASHES, HASHES.map(str.upper), st.text("0123456789abcdefg", min_size=14, max_size=18))),
    ),
    st.integers(0, 3),
)
def test_the_keys_of_many_are_those_of_each(texts: list[str], skipped: int) -> None:
    array = pa.array(texts, pa.string()).slice(skipped)
    assert keys_of(array).tolist() == [key_of(text) for text in texts[skipped:]]


def test_what_is_no_hash_has_a_key_of_its_own() -> None:
    odd = ["", "a", "A" * 32, "0" * 15, "é" * 16, "0" * 31 + "\u0660", "\ud800"]
    assert len({key_of(text) for text in odd}) == len(odd)
