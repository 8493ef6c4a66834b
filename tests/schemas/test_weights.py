from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.weights import Weights

NAMES = st.text(max_size=6).filter(lambda name: "\n" not in name)
TABLES = st.dictionaries(
    NAMES, st.dictionaries(st.sampled_from("abcde"), st.floats(allow_nan=False, allow_infinity=False), max_size=5)
)
ADAPTER = TypeAdapter(Weights)


@given(TABLES)
def test_what_is_packed_is_what_comes_out_in_its_order(tables: dict[str, dict[str, float]]) -> None:
    packed = ADAPTER.validate_python(tables)
    found = dict(packed.items())
    assert [(name, list(own.items())) for name, own in found.items()] == [
        (name, list(own.items())) for name, own in tables.items()
    ]
    assert packed.features() == list(tables)
    assert len(packed) == len(tables)
    assert packed == pickle.loads(pickle.dumps(packed))


@given(TABLES)
def test_it_is_written_as_tables_are(tables: dict[str, dict[str, float]]) -> None:
    plain: TypeAdapter[dict[str, dict[str, float]]] = TypeAdapter(dict[str, dict[str, float]])
    packed = Weights.of(tables)
    assert ADAPTER.dump_json(packed) == plain.dump_json(tables)
    assert ADAPTER.validate_json(ADAPTER.dump_json(packed)) == packed
    assert ADAPTER.validate_python(packed) is packed


@pytest.mark.parametrize("tables", [{"w=a\nb": {}}, {"w=a": 1.0}, {"w=a": {"menu": "much"}}, []])
def test_what_is_no_table_of_features_is_refused(tables: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ADAPTER.validate_python(tables)
