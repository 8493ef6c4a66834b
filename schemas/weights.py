"""What the features of a line weigh, held close together."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Weights:
    """For each feature what it adds to which states; pydantic reads it from a table of tables, and writes it as one.

    Of 100,000 features such tables take 40 MB, in small pieces all over the memory, and this a tenth in a few: every
    process that has loaded the rules holds them, and gives them to others.

    Attributes:
        names: the features, one a line, in UTF-8.
        states: those that any feature speaks for or against.
        counts: for how many of them each feature does, a byte each.
        columns: the numbers of these, a byte each, of one feature after the other.
        values: what it adds to them, eight bytes each.
    """

    names: bytes
    states: tuple[str, ...]
    counts: bytes
    columns: bytes
    values: bytes

    @classmethod
    def of(cls, weights: Mapping[str, Mapping[str, float]]) -> Self:
        """The same as tables.

        Raises:
            ValueError: the name of a feature has a line break.
        """
        if broken := [name for name in weights if "\n" in name]:
            raise ValueError(f"the name of feature {broken[0]!r} has a line break")
        states = list(chain.from_iterable(weights.values()))
        number = {state: n for n, state in enumerate(dict.fromkeys(states))}
        return cls(
            names="\n".join(weights).encode(),
            states=tuple(number),
            counts=bytes(map(len, weights.values())),
            columns=bytes(map(number.__getitem__, states)),
            values=array("d", [weight for own in weights.values() for weight in own.values()]).tobytes(),
        )

    def __len__(self) -> int:
        """How many features."""
        return len(self.counts)

    def features(self) -> list[str]:
        """The names, in order."""
        return self.names.decode().split("\n") if self.counts else []

    def items(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Each feature with what it adds, by state."""
        states, values = map(self.states.__getitem__, self.columns), iter(memoryview(self.values).cast("d"))
        for name, count in zip(self.features(), self.counts, strict=True):
            yield name, {next(states): next(values) for _ in range(count)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As a table of tables, or as it is."""
        tables = handler.generate_schema(dict[str, dict[str, float]])
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: value if isinstance(value, cls) else cls.of(read(value)),
            tables,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda weights: dict(weights.items()), return_schema=tables
            ),
        )
