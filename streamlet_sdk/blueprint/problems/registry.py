"""Every type of problem, by name: for the catalogue, and to make problems of JSON again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlet_sdk.blueprint.problems import classes, documents, loading, settings, wiring
from streamlet_sdk.blueprint.problems.stated import Stated

if TYPE_CHECKING:
    from collections.abc import Mapping

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
