"""Every problem of a blueprint, of the classes that it names, and of a configuration.

`documents` has those of how something is written, `wiring` those of streamlets and topics,
`settings` those of parameters, delivery and replicas, `classes` those of what a class declares,
`loading` those of importing it. Each is a value; `catalogue` makes the reference page of them.
"""

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
