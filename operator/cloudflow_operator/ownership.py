"""Whose an object is, and which of its fields are the operator's, as the API server tells.

Planning asks it whether somebody changed what the operator wrote. Values are not compared: the
server writes many of them in another way (`0.5` as `500m`), but it takes a field from its manager
as soon as somebody else changes or removes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflow_operator.interfaces import Manifest

Fields = dict[str, Any]
"""A set of fields in the form of `fieldsV1`; one without members is whole."""

# The server may leave out what holds nothing.
_NOTHING: Final[tuple[object, ...]] = ({}, [], None)
_IDENTITY: Final = frozenset({"apiVersion", "kind"})
_IDENTITY_IN_METADATA: Final = frozenset({"name", "namespace", "uid"})


def controller(manifest: Manifest) -> str | None:
    """The uid of the object that controls this one."""
    references = manifest["metadata"].get("ownerReferences", ())
    return next((one["uid"] for one in references if one.get("controller")), None)


def is_going(manifest: Manifest) -> bool:
    """Whether an object is being deleted."""
    return manifest["metadata"].get("deletionTimestamp") is not None


def annotation(manifest: Manifest, name: str) -> str | None:
    """One of an object's annotations; None when it is not there."""
    found: str | None = (manifest["metadata"].get("annotations") or {}).get(name)
    return found


def owned_fields(manifest: Manifest) -> Fields:
    """The fields that the operator applied and nobody took since."""
    for entry in manifest["metadata"].get("managedFields", ()):
        of_operator = entry.get("manager") == names.FIELD_MANAGER
        if of_operator and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields: Fields = entry.get("fieldsV1", {})
            return fields
    return {}


def is_untouched(wanted: Manifest, live: Manifest) -> bool:
    """Whether every field of `wanted` is still the operator's own in `live`."""
    fields = owned_fields(live)
    # No members at all would mean that the whole object is owned.
    return bool(fields) and _covers(fields, _without_identity(wanted))


def owns_replicas(live: Manifest) -> bool:
    """Whether the operator decides on the count of a Deployment."""
    return "f:replicas" in owned_fields(live).get("f:spec", {})


def applied(live: Manifest) -> Manifest:
    """What the operator applied, read back from the object; to apply it again changes nothing."""
    metadata = live["metadata"]
    made: Manifest = _extract(owned_fields(live), live)
    made |= {key: live[key] for key in _IDENTITY}
    identity = {key: metadata[key] for key in _IDENTITY_IN_METADATA if key in metadata}
    made["metadata"] = {**made.get("metadata", {}), **identity}
    return made


def _without_identity(manifest: Manifest) -> Manifest:
    kept = {key: value for key, value in manifest.items() if key not in _IDENTITY}
    metadata = manifest["metadata"]
    kept["metadata"] = {
        key: value for key, value in metadata.items() if key not in _IDENTITY_IN_METADATA
    }
    return kept


def _covers(fields: Fields, value: object) -> bool:
    if not fields:
        return True
    if isinstance(value, dict):
        return all(
            each in _NOTHING or (f"f:{key}" in fields and _covers(fields[f"f:{key}"], each))
            for key, each in value.items()
        )
    if isinstance(value, list):
        return all(_covers_item(fields, item) for item in value)
    return False


def _covers_item(fields: Fields, item: object) -> bool:
    return any(_covers(below, item) for _, below in _members(fields, [item]))


def _members(fields: Fields, items: list[Any]) -> Iterator[tuple[Any, Fields]]:
    """The items of a list that are in the set, each with the set below it, in the list's order.

    That order counts: a pod template with the same volumes in another one is another template.
    """
    named = [(name.partition(":"), below) for name, below in fields.items()]
    keys = [(kind, json.loads(text), below) for (kind, _, text), below in named if kind in "kv"]
    for item in items:
        for kind, key, below in keys:
            if (item == key) if kind == "v" else _has_key(item, key):
                yield item, below


def _has_key(item: object, key: Mapping[str, Any]) -> bool:
    # What an item leaves out of its key is a default, such as the protocol of a port.
    return isinstance(item, dict) and all(
        item.get(name, value) == value for name, value in key.items()
    )


def _extract(fields: Fields, value: Any) -> Any:
    below = {name: each for name, each in fields.items() if name != "."}
    if not below:
        return value if not fields else type(value)()
    if isinstance(value, list):
        return [_extract(each, item) for item, each in _members(below, value)]
    return {
        key: _extract(below[f"f:{key}"], each) for key, each in value.items() if f"f:{key}" in below
    }
