"""What JSON Schema cannot say and Kubernetes can: how lists and maps are merged, rules in CEL.

Used by the types of the custom resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

if TYPE_CHECKING:
    from pydantic.types import JsonDict

ATOMIC_LIST: Final[JsonDict] = {"x-kubernetes-list-type": "atomic"}
ATOMIC_MAP: Final[JsonDict] = {"x-kubernetes-map-type": "atomic"}
# A free-form object: nothing of it is pruned, and one writer owns all of it.
FREE_FORM: Final[JsonDict] = {**ATOMIC_MAP, "x-kubernetes-preserve-unknown-fields": True}


def keyed(key: str, description: str, *, most: int | None = None) -> Any:
    """A list whose entries are merged by `key`; empty when it is absent."""
    extra: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    return Field(default=(), description=description, max_length=most, json_schema_extra=extra)


def atomic(description: str, *, most: int | None = None) -> Any:
    """A list that one writer owns as a whole; empty when it is absent."""
    return Field(
        default=(), description=description, max_length=most, json_schema_extra=ATOMIC_LIST
    )


def texts(description: str) -> Any:
    """A map of texts that one writer owns as a whole; empty when it is absent."""
    return Field(default_factory=dict, description=description, json_schema_extra=ATOMIC_MAP)


def free_form(description: str) -> Any:
    """An object of any content; empty when it is absent."""
    return Field(default_factory=dict, description=description, json_schema_extra=FREE_FORM)


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Rules in CEL that the API server checks, each with what it says when one is broken."""
    return {
        "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]
    }
