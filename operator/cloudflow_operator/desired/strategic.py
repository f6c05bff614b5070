"""Strategic merge patches of pod templates, as `kubectl patch` merges them.

Maps are merged, null removes a key, and lists are replaced but for those that the API merges by a
key; what a patch adds to such a list comes last. `$patch: replace` and `$patch: delete` are
followed. Used by `patches`.

Source: x-kubernetes-patch-merge-key in the OpenAPI of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

# Within a pod template the name of a list decides which key its entries are told apart by.
MERGE_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "containers": "name",
        "env": "name",
        "ephemeralContainers": "name",
        "hostAliases": "ip",
        "imagePullSecrets": "name",
        "initContainers": "name",
        "ownerReferences": "uid",
        "ports": "containerPort",
        "resourceClaims": "name",
        "schedulingGates": "name",
        "topologySpreadConstraints": "topologyKey",
        "volumeDevices": "devicePath",
        "volumeMounts": "mountPath",
        "volumes": "name",
    }
)
_DIRECTIVE: Final = "$patch"


class PatchError(ValueError):
    """A patch that cannot be applied; the message begins with the place in it."""

    def __init__(self, keys: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{'.'.join(keys)}: {reason}" if keys else reason)


def merged(original: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`original` with `patch` merged into it; neither is changed.

    Raises:
        PatchError: when the patch has another shape than what it patches.
    """
    return _map(original, patch, ())


def _map(
    original: Mapping[str, Any], patch: Mapping[str, Any], keys: tuple[str, ...]
) -> dict[str, Any]:
    match _directive(patch, keys):
        case "delete":
            return {}
        case "replace":
            return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    made = dict(original)
    for key, value in patch.items():
        if key == _DIRECTIVE:
            continue
        if key.startswith("$"):
            raise PatchError((*keys, key), "this directive is not followed; use $patch or null")
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _value(made.get(key), value, (*keys, key))
    return made


def _value(original: Any, value: Any, keys: tuple[str, ...]) -> Any:
    if original is not None and _shape(original) != _shape(value):
        raise PatchError(keys, f"{_shape(original)} is needed here, not {_shape(value)}")
    if isinstance(value, Mapping):
        return _map(original or {}, value, keys)
    if isinstance(value, list) and (key := MERGE_KEYS.get(keys[-1])) is not None:
        return _keyed(original or [], value, key, keys)
    return value


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a section"
    return "a list" if isinstance(value, list) else "a single value"


def _keyed(original: list[Any], patch: list[Any], key: str, keys: tuple[str, ...]) -> list[Any]:
    """Entries of `original` in their order, merged with those of `patch`, then its new ones."""
    replaced = [one for one in patch if one == {_DIRECTIVE: "replace"}]
    made = {} if replaced else {_name(one, key, keys): one for one in original}
    for entry in patch:
        if entry in replaced:
            continue
        name = _name(entry, key, keys)
        place = (*keys, str(name))
        if _directive(entry, place) == "delete":
            made.pop(name, None)
        else:
            made[name] = _map(made.get(name, {}), entry, place)
    return list(made.values())


def _name(entry: Any, key: str, keys: tuple[str, ...]) -> str | int:
    if not isinstance(entry, Mapping):
        raise PatchError(keys, "every entry has to be a section")
    name = entry.get(key)
    if not isinstance(name, str | int):
        raise PatchError(keys, f"every entry needs {key!r}, by which the list is merged")
    return name


def _directive(patch: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    directive = patch.get(_DIRECTIVE, "merge")
    if directive not in {"merge", "replace", "delete"}:
        raise PatchError((*keys, _DIRECTIVE), "choose merge, replace or delete")
    return str(directive)
