"""`Avro`: what a type annotation cannot say of a class or a field in an Avro schema.

Written by users; read by `derivation`. It changes nothing about how pydantic treats a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LogicalName = Literal[
    "timestamp-millis",
    "timestamp-micros",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "time-millis",
    "time-micros",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Avro:
    """Settings of a class (`__avro__ = Avro(…)`) or of a field (`Annotated[T, Avro(…)]`).

    Attributes:
        namespace: of a class: the Avro namespace; subclasses have it too.
        name: of a class: the Avro name, when it is not the class's own.
        aliases: of a class or a field: names that it had before, so that older data is readable.
        logical: of a field: how a `datetime` or `time` is written. `datetime` is
            `timestamp-micros` without it, `time` is `time-micros`; both keep every digit that
            Python has. The forms in milliseconds cut what is finer.
        precision: of a Decimal field: digits in all.
        scale: of a Decimal field: digits after the point.
        default: of an enum class: the symbol that stands for one that a reader does not know.
    """

    namespace: str | None = None
    name: str | None = None
    aliases: tuple[str, ...] = ()
    logical: LogicalName | None = None
    precision: int | None = None
    scale: int | None = None
    default: str | None = None
