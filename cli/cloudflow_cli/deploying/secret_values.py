"""Where the values of secret parameters are: keys of one Secret that never change their value.

Pure. A pod reads its secrets when it starts, and the operator cannot see that one has changed. So
another value gets another key: the resource refers to it, and the streamlet that reads it restarts,
no other one. The values of a deployment and those of `configure` have keys of their own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.application_resource import secret_name
from cloudflow_operator import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from cloudflow_cli.application_resource import Manifest

_OVERRIDES: Final = "overrides"


def of_overrides(values: Mapping[str, str]) -> dict[str, str]:
    """The key that `configure` uses for each key of a deployment; no deployment has it."""
    return {key: f"{_OVERRIDES}.{key}" for key in values}


def keys(values: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """The key under which each value shall be: the one that has it, or one that is free.

    Args:
        values: by the key that the value would have in an empty Secret.
        stored: what the Secret holds.
    """
    return {key: _key(key, text, stored) for key, text in values.items()}


def renamed(entries: Iterable[Manifest], secret: str, names_: Mapping[str, str]) -> list[Manifest]:
    """`entries` of streamlets whose references to `secret` use other keys."""
    return [_renamed(one, secret, names_) for one in entries]


def references(entries: Iterable[Mapping[str, Any]], secret: str) -> Iterator[tuple[str, str, str]]:
    """Streamlet, parameter and key of every value that is in `secret`."""
    for entry in entries:
        for one in entry.get("parameters", ()):
            reference = (one.get("valueFrom") or {}).get("secretKeyRef") or {}
            if reference.get("name") == secret:
                yield entry["name"], one["name"], reference["key"]


def with_kept(
    entries: Iterable[Manifest],
    manifest: Manifest,
    secret: str,
    stored: Mapping[tuple[str, str], str],
) -> list[Manifest]:
    """`entries` with references to values that are stored, where a value is needed and not given.

    Args:
        entries: of streamlets.
        manifest: the resource, whose descriptors say what is needed.
        secret: the Secret with the values.
        stored: its keys, by streamlet and parameter.
    """
    needed = {
        (one["className"], parameter["name"])
        for one in manifest["spec"].get("descriptors", ())
        for parameter in one.get("parameters", ())
        if parameter.get("required") and parameter.get("secret")
    }
    made = []
    for entry in entries:
        given = list(entry.get("parameters", ()))
        added = [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
            for (streamlet, name), key in stored.items()
            if streamlet == entry["name"]
            and (entry["class"], name) in needed
            and name not in {one["name"] for one in given}
        ]
        made.append({**entry, "parameters": given + added} if added else entry)
    return made


def decoded(secret: Mapping[str, Any] | None) -> dict[str, str]:
    """The values that a Secret of the API server holds; none when it is not there."""
    data = (secret or {}).get("data") or {}
    return {key: base64.b64decode(text).decode(errors="replace") for key, text in data.items()}


def manifest(application: Manifest, values: Mapping[str, str]) -> Manifest:
    """The Secret that holds `values`; it goes when its application goes."""
    metadata = application["metadata"]
    made: Manifest = {
        "name": secret_name(metadata["name"]),
        "namespace": metadata["namespace"],
        "labels": {names.APPLICATION: metadata["name"], names.PART_OF: metadata["name"]},
    }
    if uid := metadata.get("uid"):
        owner = {key: application[key] for key in ("apiVersion", "kind")}
        made["ownerReferences"] = [{**owner, "name": metadata["name"], "uid": uid}]
    data = {key: base64.b64encode(text.encode()).decode() for key, text in sorted(values.items())}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": made, "type": "Opaque", "data": data}


def is_of_overrides(key: str) -> bool:
    """Whether it is a key of `configure`."""
    return key.startswith(f"{_OVERRIDES}.") and key.count(".") > 1 and _base(key).count(".") > 1


def _base(key: str) -> str:
    return re.sub(r"\.\d+$", "", key)


def _key(key: str, text: str, stored: Mapping[str, str]) -> str:
    numbers = {_number(key, one): one for one in stored if _number(key, one)}
    for one in numbers.values():
        if stored[one] == text:
            return one
    return f"{key}.{max(numbers) + 1}" if numbers else key


def _number(key: str, stored: str) -> int:
    """Which value of `key` a stored one is, from 1; 0 when it is another's."""
    if stored == key:
        return 1
    match = re.fullmatch(rf"{re.escape(key)}\.(\d+)", stored)
    return int(match[1]) if match else 0


def _renamed(entry: Manifest, secret: str, names_: Mapping[str, str]) -> Manifest:
    if "parameters" not in entry:
        return entry
    return {**entry, "parameters": [_moved(one, secret, names_) for one in entry["parameters"]]}


def _moved(parameter: Manifest, secret: str, names_: Mapping[str, str]) -> Manifest:
    reference = (parameter.get("valueFrom") or {}).get("secretKeyRef") or {}
    if reference.get("name") != secret or reference.get("key") not in names_:
        return parameter
    moved = {"name": secret, "key": names_[reference["key"]]}
    return {"name": parameter["name"], "valueFrom": {"secretKeyRef": moved}}


def kept(stored: Mapping[str, str], wanted: Collection[str]) -> dict[str, str]:
    """What the Secret has to hold still: values that something refers to."""
    return {key: text for key, text in stored.items() if key in wanted}
