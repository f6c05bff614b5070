"""Every type of problem, by name: for the catalogue, and to make problems of JSON again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamlet_sdk.blueprint.problems import classes, documents, loading, settings, wiring
from streamlet_sdk.blueprint.problems.stated import Stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamlet_sdk.problems import Problem

MODULES = (documents, wiring, settings, classes, loading)


def problem_types() -> Mapping[str, type[Stated]]:
    """Every type of problem by its name, in the order of the modules."""
    return {
        name: item
        for module in MODULES
        for name, item in vars(module).items()
        if isinstance(item, type)
        and issubclass(item, Stated)
        and item.__module__ == module.__name__
        and "says" in vars(item)
    }


def as_entry(problem: Problem) -> dict[str, Any]:
    """A problem as data that becomes JSON, on its way to another process."""
    return {"type": type(problem).__name__, "fields": vars(problem)}


def from_entry(entry: Mapping[str, Any]) -> Problem:
    """The problem that `as_entry` was given, after JSON made lists of its tuples."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in entry["fields"].items()
    }
    make: Callable[..., Problem] = problem_types()[entry["type"]]
    return make(**fields)
