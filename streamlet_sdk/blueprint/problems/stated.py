"""A problem whose sentence and remedy are templates over its own data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.problems import Problem, closest


@dataclass(frozen=True, kw_only=True)
class Stated(Problem):
    """Base of the problems of this package.

    Attributes:
        says: template of the sentence; `{field}` is replaced by a field, a tuple as a list of it.
        advises: template of the remedy.
    """

    says: ClassVar[str]
    advises: ClassVar[str]

    @property
    def sentence(self) -> str:
        """What is wrong, one sentence, without path and line."""
        return self._filled(self.says)

    @property
    def remedy(self) -> str:
        """What to do about it, one sentence."""
        return self._filled(self.advises)

    def _filled(self, template: str) -> str:
        fields = {
            name: ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }
        return template.format_map(fields)


@dataclass(frozen=True, kw_only=True)
class UnknownName(Stated):
    """Base of the problems with a name that is not among those that exist.

    Attributes:
        name: the name as written.
        known: the names that exist; the suggestion is looked for in them when it is asked for,
            because looking costs more than finding all problems.
    """

    name: str
    known: tuple[str, ...] = ()

    @property
    def suggestion(self) -> str | None:
        """The existing name that was probably meant."""
        return closest(self.name, self.known)
