"""Server-side apply as far as the children of an application need it: managers and their fields.

Fields are sets of paths of steps as `fieldsV1` writes them, each to a leaf or to a list that is
replaced as a whole.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from cloudflow_operator.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.interfaces import Manifest

Path = tuple[str, ...]
Managers = dict[str, set[Path]]

MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
    "ownerReferences": ("uid",),
}
UNMANAGED = frozenset({"name", "namespace", "uid", "resourceVersion", "generation"})


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every field of an object."""
    if isinstance(value, dict) and value and path[-1:] != ("f:selector",):
        for key, each in value.items():
            if not _is_identity(path, key):
                yield from paths(each, (*path, f"f:{key}"))
    elif isinstance(value, list) and (keys := _merge_keys(path, value)):
        for item in value:
            yield from paths(item, (*path, _step(item, keys)))
    else:
        yield path


def _is_identity(path: Path, key: str) -> bool:
    if not path:
        return key in {"apiVersion", "kind", "status"}
    return path == ("f:metadata",) and key in {*UNMANAGED, "managedFields", "deletionTimestamp"}


def _merge_keys(path: Path, items: list[Any]) -> tuple[str, ...]:
    keys = MERGE_KEYS.get(path[-1].removeprefix("f:"), ())
    # Ports of a Service have no `containerPort`; as a whole will do for them.
    return keys if all(keys[0] in item for item in items if keys) else ()


def _step(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps({key: item.get(key, "TCP") for key in keys})


def value_at(value: Any, path: Path) -> Any:
    """What is at a path; None when nothing is."""
    for step in path:
        if step.startswith("f:"):
            value = value.get(step[2:]) if isinstance(value, dict) else None
        else:
            value = _item(value, step)
        if value is None:
            return None
    return value


def _item(items: Any, step: str) -> Any:
    key = json.loads(step[2:])
    found = (one for one in items or () if all(one.get(k, "TCP") == v for k, v in key.items()))
    return next(found, None)


def put(target: Any, path: Path, value: Any) -> None:
    """Set what is at a path."""
    for step, after in zip(path, (*path[1:], None), strict=True):
        if after is None:
            target[step[2:]] = copy.deepcopy(value)
        elif step.startswith("f:"):
            target = target.setdefault(step[2:], [] if after.startswith("k:") else {})
        else:
            if _item(target, step) is None:
                target.append(json.loads(step[2:]))
            target = _item(target, step)


def remove(target: Any, path: Path) -> None:
    """Remove what is at a path, and the item of a list of which nothing but its key is left."""
    parent = value_at(target, path[:-1])
    if path[-1].startswith("f:"):
        if isinstance(parent, dict):
            parent.pop(path[-1][2:], None)
        above = path[:-1]
        if above and above[-1].startswith("k:") and parent == json.loads(above[-1][2:]):
            remove(target, above)
    elif parent is not None:
        parent.remove(_item(target, path[-1]) or value_at(target, path))


def fields_v1(owned: set[Path]) -> dict[str, Any]:
    """A set of paths as the API server tells it."""
    made: dict[str, Any] = {}
    for path in sorted(owned):
        node = made
        for step in path:
            node = node.setdefault(step, {})
            if step.startswith("k:"):
                node["."] = {}
    return made


def apply(live: Manifest, managers: Managers, manifest: Manifest, by: str, *, force: bool) -> None:
    """Change `live` and `managers` to what they are after `by` applied `manifest`."""
    mine = {path for path in paths(manifest) if path}
    for other, theirs in managers.items():
        taken = {
            path
            for path in mine & theirs
            if other != by and value_at(live, path) != value_at(manifest, path)
        }
        if taken and not force:
            raise ConflictError("apply", f"fields are of manager {other}: {sorted(taken)[:3]}")
        theirs.difference_update(taken)
    others = set().union(*(one for name, one in managers.items() if name != by))
    # Keys of items go last: without them the others could not be found.
    for path in sorted(managers.get(by, set()) - mine - others, key=_is_key_of_item):
        remove(live, path)
    for path in sorted(mine):
        put(live, path, value_at(manifest, path))
    _put_in_order(live, manifest)
    managers[by] = mine


def _put_in_order(live: Any, applied: Any, path: Path = ()) -> None:
    """Have items of lists in the order in which they were applied, and others' items after them."""
    if isinstance(applied, dict) and isinstance(live, dict):
        for key in applied.keys() & live.keys():
            _put_in_order(live[key], applied[key], (*path, f"f:{key}"))
    elif isinstance(applied, list) and (keys := _merge_keys(path, applied)):
        steps = [_step(item, keys) for item in applied]
        for item, step in zip(applied, steps, strict=True):
            _put_in_order(_item(live, step), item, (*path, step))
        places = {step: place for place, step in enumerate(steps)}
        live.sort(key=lambda item: places.get(_step(item, keys), len(places)))


def _is_key_of_item(path: Path) -> bool:
    return len(path) > 1 and path[-2].startswith("k:") and path[-1][2:] in json.loads(path[-2][2:])


def edit(old: Manifest, new: Manifest, managers: Managers, by: str) -> None:
    """What a client that does not apply takes from the others by writing `new` over `old`."""
    changed = {path for path in paths(new) if value_at(old, path) != value_at(new, path)}
    gone = {path for path in paths(old) if value_at(new, path) is None}
    for theirs in managers.values():
        theirs.difference_update(changed | gone)
    managers[by] = managers.get(by, set()) | changed
