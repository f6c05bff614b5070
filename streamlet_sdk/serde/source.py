"""Python source of readers and writers: lines, names and the values that they refer to.

A schema is known long before its data, so `reading` and `writing` make one straight function per
record instead of asking the schema again for each value; dataclasses are made the same way.
Names in the source are always made here; text that comes from a schema appears as a literal only.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Source:
    """Lines of functions that are compiled together and may call each other."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._functions: list[list[str]] = []
        self._open: list[list[str]] = []
        self._depths: list[int] = []
        self._count = 0

    def name(self, prefix: str) -> str:
        """A name that is used nowhere else."""
        self._count += 1
        return f"{prefix}{self._count}"

    def value(self, value: Any, prefix: str = "k") -> str:
        """A name by which the functions know `value`."""
        name = self.name(prefix)
        self._values[name] = value
        return name

    def line(self, text: str) -> None:
        """Add a line to the function that is open, at its depth."""
        self._open[-1].append("    " * self._depths[-1] + text)

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Lines below `opening`, such as `if x:`."""
        self.line(opening)
        self._depths[-1] += 1
        yield
        self._depths[-1] -= 1

    @contextmanager
    def function(self, name: str, parameters: str) -> Iterator[None]:
        """Lines of a function; opens while another is open, too."""
        self._open.append([f"def {name}({parameters}):"])
        self._depths.append(1)
        yield
        self._functions.append(self._open.pop())
        self._depths.pop()

    @property
    def depth(self) -> int:
        """How many blocks are open in the open function."""
        return self._depths[-1]

    def compiled(self, name: str) -> Any:
        """The function `name`, able to call all others."""
        text = "\n".join("\n".join(lines) for lines in self._functions)
        space = dict(self._values)
        exec(compile(text, "<avro>", "exec"), space)  # noqa: S102 — see the module's docstring
        return space[name]
