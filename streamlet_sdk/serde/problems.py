"""What is wrong with a JSON document that should have become a port's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamlet_sdk.errors import DecodeError, ProblemsError
from streamlet_sdk.problems import Problem
from streamlet_sdk.serde.fitting import Misfit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError


@dataclass(frozen=True, kw_only=True)
class JsonProblem(Problem):
    """A part of a JSON document that does not fit a port's schema; no path is the whole of it."""

    reason: str

    def __str__(self) -> str:
        return f"{self.path or 'value'}: {self.sentence} {self.remedy}"

    @property
    def sentence(self) -> str:
        """What does not fit."""
        return f"{self.reason.rstrip('.')}."

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return "Send what the port's schema describes."


class InvalidJsonError(ProblemsError, DecodeError):
    """A JSON document is no value of a port's type; `problems` says everything that is wrong."""


def invalid(misfits: Iterable[Misfit]) -> InvalidJsonError:
    """The error for parts that do not fit."""
    return InvalidJsonError(
        JsonProblem(path=misfit.path, reason=misfit.sentence) for misfit in misfits
    )


def validation_misfits(error: ValidationError) -> list[Misfit]:
    """What pydantic found, without the values that it found it in."""
    return [
        Misfit(".".join(map(str, item["loc"])), item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
