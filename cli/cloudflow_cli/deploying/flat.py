"""Entries of an application resource as flat keys: what `configuration` and differences show.

Pure. Keys are those of a configuration document, so that what is shown can be written there. The
value of a secret is never among the texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cloudflow_operator.desired.strategic import MERGE_KEYS
from streamlet_sdk.blueprint.explained import HIDDEN
from streamlet_sdk.blueprint.reading import dotted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Flat: TypeAlias = dict[tuple[str, ...], str]
_TOPIC_KEYS: Final = {
    "partitions": ("partitions",),
    "replicationFactor": ("replicas",),
    "cluster": ("cluster",),
    "managed": ("managed",),
    "kafkaName": ("topic", "name"),
}
_TOPIC_SECTIONS: Final = {
    "config": "topic",
    "clientConfig": "connection-config",
    "producerConfig": "producer-config",
    "consumerConfig": "consumer-config",
}


def of_streamlet(entry: Mapping[str, Any], secrets: Collection[str] = ()) -> Flat:
    """What an entry of a streamlet, or of its override, sets, by keys below the streamlet.

    Args:
        entry: as JSON has it.
        secrets: names of the parameters whose value is secret wherever it stands.
    """
    found: Flat = {}
    if (replicas := entry.get("replicas")) is not None:
        found["replicas",] = str(replicas)
    for one in entry.get("parameters", ()):
        found["config-parameters", one["name"]] = _parameter(one, secrets)
    for key, text in entry.get("settings", {}).items():
        found["config", key] = text
    for one in entry.get("delivery", ()):
        rest = {key: value for key, value in one.items() if key != "inlet"}
        for keys, text in leaves(rest):
            found["delivery", one["inlet"], *map(_dashed, keys)] = text
    for one in entry.get("volumeClaims", ()):
        found["volume-claims", one["mount"]] = one["claimName"]
    for keys, text in leaves(entry.get("podTemplate", {})):
        found["kubernetes", *keys] = text
    return found


def of_topic(entry: Mapping[str, Any]) -> Flat:
    """What the entry of a topic sets, by keys below the topic."""
    found: Flat = {}
    for field, keys in _TOPIC_KEYS.items():
        if (value := entry.get(field)) is not None:
            found[keys] = _text(value)
    for field, section in _TOPIC_SECTIONS.items():
        for key, text in entry.get(field, {}).items():
            found[section, key] = text
    return found


def leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every single value with its keys; entries of lists that have a name are found by it."""
    named = _named(value, keys)
    if named is not None:
        value = named
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, (*keys, str(key)))
    elif value != {}:
        yield keys, _text(value)


def path(section: str, name: str, keys: tuple[str, ...]) -> str:
    """The whole key of one value in a configuration document."""
    return dotted(("cloudflow", section, name, *keys))


def _parameter(parameter: Mapping[str, Any], secrets: Collection[str]) -> str:
    source = parameter.get("valueFrom") or {}
    if parameter["name"] in secrets or "secretKeyRef" in source:
        return HIDDEN
    if (reference := source.get("configMapKeyRef")) is not None:
        return f"key {reference['key']} of ConfigMap {reference['name']}"
    return str(parameter.get("value", ""))


def _named(value: Any, keys: tuple[str, ...]) -> dict[str, Any] | None:
    """A list that Kubernetes merges by a key, as a mapping by that key."""
    key = MERGE_KEYS.get(keys[-1]) if keys else None
    if key is None or not isinstance(value, list) or not value:
        return None
    if not all(isinstance(one, Mapping) and key in one for one in value):
        return None
    return {str(one[key]): {k: v for k, v in one.items() if k != key} for one in value}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _dashed(key: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in key)
