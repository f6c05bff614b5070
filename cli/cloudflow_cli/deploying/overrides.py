"""Entries of `spec.overrides`: what a command adds to them, and what that changes.

Pure. Entries are found by name; fields are merged as the operator merges an override into its
streamlet, so that saying two things one after the other is saying both at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cloudflow_cli.deploying import flat
from cloudflow_operator.desired.strategic import MERGE_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cloudflow_cli.application_resource import Manifest

_LISTS: Final = {"parameters": "name", "delivery": "inlet", "volumeClaims": "mount"}
_WHOLE: Final = ("value", "valueFrom")
"""Of a parameter exactly one of them is set."""


class Difference(NamedTuple):
    """One value that another takes the place of; None is no value. A secret's is hidden."""

    path: str
    before: str | None
    after: str | None


def merged(entries: Iterable[Manifest], added: Iterable[Manifest]) -> list[Manifest]:
    """`entries` with `added` merged into them; new ones come last."""
    found = {one["name"]: one for one in entries}
    for one in added:
        found[one["name"]] = merged_entry(found.get(one["name"], {}), one)
    return list(found.values())


def merged_entry(below: Mapping[str, Any], above: Mapping[str, Any]) -> Manifest:
    """One entry over another: settings by key, lists by their key, patches part by part."""
    made = dict(below)
    for field, value in above.items():
        if field in _LISTS:
            made[field] = _listed(made.get(field, ()), value, _LISTS[field])
        elif field == "podTemplate":
            made[field] = composed(made.get(field, {}), value)
        elif isinstance(value, Mapping):
            made[field] = {**made.get(field, {}), **value}
        else:
            made[field] = value
    return made


def composed(first: Any, second: Any, key: str = "") -> Any:
    """One strategic merge patch that does what `first` and then `second` do.

    Unlike in a pod template, null and directives stay: they are for what is below both.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping) and "$patch" not in second:
        return {
            **first,
            **{name: composed(first.get(name), value, name) for name, value in second.items()},
        }
    if isinstance(first, list) and isinstance(second, list) and key in MERGE_KEYS:
        return _composed_list(first, second, MERGE_KEYS[key])
    return second


def differences(
    before: Sequence[Manifest],
    after: Sequence[Manifest],
    secrets: Mapping[str, Iterable[str]],
) -> list[Difference]:
    """What is set by one list of entries and not so by another.

    Args:
        before: the entries that are there.
        after: the entries that shall be there.
        secrets: names of the secret parameters of each streamlet.
    """
    old = {one["name"]: one for one in before}
    new = {one["name"]: one for one in after}
    return [
        found
        for name in dict.fromkeys((*old, *new))
        for found in _of(name, old.get(name, {}), new.get(name, {}), {*secrets.get(name, ())})
    ]


def _of(name: str, before: Manifest, after: Manifest, secrets: set[str]) -> Iterator[Difference]:
    # Where a value is hidden, another place of it is another value.
    places = _places(before), _places(after)
    old, new = flat.of_streamlet(before, secrets), flat.of_streamlet(after, secrets)
    for keys in dict.fromkeys((*old, *new)):
        is_same = places[0].get(keys[-1]) == places[1].get(keys[-1])
        if old.get(keys) != new.get(keys) or (keys[0] == "config-parameters" and not is_same):
            yield Difference(flat.path("streamlets", name, keys), old.get(keys), new.get(keys))


def _places(entry: Manifest) -> dict[str, Any]:
    return {
        one["name"]: (one.get("value"), one.get("valueFrom")) for one in entry.get("parameters", ())
    }


def _listed(below: Iterable[Manifest], above: Iterable[Manifest], key: str) -> list[Manifest]:
    found = {one[key]: one for one in below}
    for one in above:
        lower = found.get(one[key], {})
        if any(field in one for field in _WHOLE):
            lower = {}
        made = {**lower, **one}
        if "retry" in lower and "retry" in one:
            made["retry"] = {**lower["retry"], **one["retry"]}
        found[one[key]] = made
    return list(found.values())


def _composed_list(first: list[Any], second: list[Any], key: str) -> list[Any]:
    if {"$patch": "replace"} in second or not all(map(_is_named(key), (*first, *second))):
        return second
    found = {one[key]: one for one in first}
    for one in second:
        found[one[key]] = composed(found.get(one[key]), one)
    return list(found.values())


def _is_named(key: str) -> Any:
    return lambda one: isinstance(one, Mapping) and key in one
