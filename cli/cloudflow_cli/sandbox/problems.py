"""What can be wrong with a file of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated


@dataclass(frozen=True, kw_only=True)
class NotJson(Stated):
    """A line, or a whole file, is no JSON."""

    reason: str
    says: ClassVar[str] = "this is not JSON: {reason}."
    advises: ClassVar[str] = "Write one record per line, or one JSON array of all records."


@dataclass(frozen=True, kw_only=True)
class UnfitRecord(Stated):
    """A record that cannot become a value of the topic's schema."""

    reason: str
    schema: str
    says: ClassVar[str] = "{reason}."
    advises: ClassVar[str] = "Write what the schema of the topic, {schema}, describes."


@dataclass(frozen=True, kw_only=True)
class UnfitEnvelope(Stated):
    """A line that should be a record with its key, headers and timestamp."""

    reason: str
    says: ClassVar[str] = "{reason}."
    advises: ClassVar[str] = (
        "Write lines of {{key, headers, timestamp, value}}, or `raw` in base64 instead of `value`."
    )


@dataclass(frozen=True, kw_only=True)
class FailedRecord(Stated):
    """Code of the project's raised an error over a record: a validator, a codec, a key."""

    error: str
    says: ClassVar[str] = "the code of the project failed over this record: {error}."
    advises: ClassVar[str] = "Correct the record, or the validator, codec or key function."
