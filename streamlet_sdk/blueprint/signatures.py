"""Whether the platform could call a handler, source or route: looked at, never called."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamlet_sdk.blueprint.problems.classes import NotAMethod, WrongSignature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamlet_sdk.problems import Problem

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a class as an instance would call it.

    Attributes:
        least: arguments that it needs.
        most: arguments that it can be given by position; None when it takes any number.
        keywords: keyword-only arguments without a default.
    """

    name: str
    function: Callable[..., object]
    least: int
    most: int | None
    keywords: tuple[str, ...]

    def takes(self, *counts: int) -> bool:
        """Whether it can be called with one of so many arguments and states its own number."""
        if self.keywords or self.most is None:
            return False
        return self.least <= max(counts) and self.most >= min(counts)

    def found(self) -> str:
        """What it takes, in words."""
        if self.keywords:
            return f"the keyword arguments {', '.join(self.keywords)}"
        if self.most is None:
            return "any number of arguments, so that nothing tells how many to give"
        numbers = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{numbers} argument{'' if numbers == '1' else 's'} besides self"


def method(cls: type, name: str) -> Method | None:
    """A method of `cls` by attribute; None when the attribute is something else."""
    item = inspect.getattr_static(cls, name)
    bound = 0 if isinstance(item, staticmethod) else 1
    function = item.__func__ if isinstance(item, staticmethod | classmethod) else item
    if not callable(function) or isinstance(function, type):
        return None
    parameters = list(inspect.signature(function).parameters.values())
    positional = [one for one in parameters if one.kind in _POSITIONAL][bound:]
    open_ended = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
    return Method(
        name=name,
        function=function,
        least=sum(one.default is inspect.Parameter.empty for one in positional),
        most=None if open_ended else len(positional),
        keywords=tuple(
            one.name
            for one in parameters
            if one.kind is inspect.Parameter.KEYWORD_ONLY and one.default is inspect.Parameter.empty
        ),
    )


def signature_problems(
    cls: type, class_name: str, name: str, *, counts: tuple[int, ...], expected: str
) -> Iterator[Problem]:
    """What keeps the platform from calling a method with one of `counts` arguments."""
    path = f"{class_name}.{name}"
    found = method(cls, name)
    if found is None:
        kind = type(inspect.getattr_static(cls, name)).__name__
        yield NotAMethod(path=path, class_name=class_name, method=name, found=kind)
    elif not found.takes(*counts):
        yield WrongSignature(
            path=path, class_name=class_name, method=name, found=found.found(), expected=expected
        )


def is_generator(cls: type, name: str) -> bool:
    """Whether a method is a sync or async generator; wrappers that say so are seen through."""
    found = method(cls, name)
    if found is None:
        return False
    function = inspect.unwrap(found.function)
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
