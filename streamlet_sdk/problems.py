"""What a problem is: a value that says what is wrong in a user's document, where, and what to do.

Problems are collected, never raised one by one. Those of the blueprint and of the configuration
are listed in `streamlet_sdk.blueprint.problems`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Base of all problems.

    Attributes:
        path: where it is, as dotted keys from the document's root (`streamlets.validation.class`).
        line: line in the file, from 1; None when the document has no lines.
    """

    path: str
    line: int | None = None

    @property
    def sentence(self) -> str:
        """What is wrong, one sentence, without path and line."""
        raise NotImplementedError

    @property
    def remedy(self) -> str:
        """What to do about it, one sentence."""
        raise NotImplementedError

    @property
    def suggestion(self) -> str | None:
        """The name that was probably meant, if there is one."""
        return None

    def __str__(self) -> str:
        where = f"line {self.line}: {self.path}" if self.line is not None else self.path
        meant = f" Did you mean {self.suggestion!r}?" if self.suggestion is not None else ""
        return f"{where}: {self.sentence}{meant} {self.remedy}"


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
