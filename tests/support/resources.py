"""Application resources made of the generated schema, and a check of them against it, offline.

`Maker` walks the schema, so a field that the types get later is in what it makes.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from typing import TYPE_CHECKING, Any

from kubernetes.aio.client import ApiException

from cloudflow_operator.api.schema import definition
from cloudflow_operator.api.v1alpha1 import API_VERSION, GROUP, KIND, PLURAL
from support.kube import document, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from support.kube import Document, Kube

DEFINITION = definition()
ROOT: dict[str, Any] = DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
SPEC: dict[str, Any] = ROOT["properties"]["spec"]
STATUS: dict[str, Any] = ROOT["properties"]["status"]
FREE = "x-kubernetes-preserve-unknown-fields"
KEYS = "x-kubernetes-list-map-keys"
ONE_OF = (("value", "valueFrom"), ("secretKeyRef", "configMapKeyRef"))
"""Fields of which a rule wants exactly one."""
ANYTHING: dict[str, Any] = {
    "spec": {"priorityClassName": "high", "tolerations": [{"key": "a/b", "effect": "NoExecute"}]},
    "metadata": {"labels": {"Ünïcode": "yes"}, "annotations": {"n": "1.0", "empty": ""}},
    "numbers": [0, -1, 2**53 - 1, 0.25],
    "nothing": {"list": [], "map": {}, "text": "", "flag": False},
}


class Maker:
    """Makes what a schema allows: every field of it, or with `random` some of them."""

    def __init__(self, random: Random | None = None) -> None:
        self._random = random
        self._count = 0

    def resource(self, name: str, namespace: str) -> Document:
        """An application that the server takes."""
        spec = self.make(SPEC)
        spec["descriptors"] = spec.get("descriptors") or [{"className": "a:A"}]
        for streamlet in spec.get("streamlets", ()):
            streamlet["class"] = spec["descriptors"][0]["className"]
        return resource(name, namespace, spec)

    def make(self, node: dict[str, Any]) -> Any:
        """One value."""
        if FREE in node:
            return dict(ANYTHING)
        made: Callable[[dict[str, Any]], Any] = getattr(self, f"_{node['type']}")
        return made(node)

    def _object(self, node: dict[str, Any]) -> dict[str, Any]:
        if "additionalProperties" in node:
            return {f"some.key-{n}": self.make(node["additionalProperties"]) for n in range(2)}
        needed = node.get("required", ())
        made = {
            name: self.make(field)
            for name, field in node["properties"].items()
            if name in needed or self._wanted()
        }
        for pair in ONE_OF:
            if set(pair) <= node["properties"].keys():
                kept = pair[self._next() % 2]
                made = {key: value for key, value in made.items() if key not in pair}
                made[kept] = self.make(node["properties"][kept])
        return made

    def _array(self, node: dict[str, Any]) -> list[Any]:
        size = 2 if self._random is None else self._random.randint(0, 3)
        items = [self.make(node["items"]) for _ in range(size)]
        for number, item in enumerate(items):
            for key in node.get(KEYS, ()):
                item[key] = f"{item[key]}-{number}"
        return items

    def _string(self, node: dict[str, Any]) -> str:
        if "enum" in node:
            chosen: str = node["enum"][self._next() % len(node["enum"])]
            return chosen
        return f"a-{self._next()}" if "pattern" in node else f"Ä b: {self._next()}\n"

    def _integer(self, node: dict[str, Any]) -> int:
        return int(node.get("minimum", 0)) + self._next() % 7

    def _number(self, node: dict[str, Any]) -> float:
        return float(node.get("minimum", 0)) + 0.25

    def _boolean(self, _: dict[str, Any]) -> bool:
        return self._next() % 2 == 0

    def _wanted(self) -> bool:
        return self._random is None or self._random.random() < 0.6

    def _next(self) -> int:
        self._count += 1
        return self._count if self._random is None else self._random.randint(0, 10**6)


def resource(name: str, namespace: str, spec: dict[str, Any]) -> Document:
    """An application with this spec."""
    return document(API_VERSION, KIND, name, namespace, spec=spec)


def faults(value: Any, node: dict[str, Any], path: str = "") -> Iterator[str]:
    """What of `value` the schema does not allow; rules in CEL are for the server alone."""
    if FREE in node:
        if not isinstance(value, dict):
            yield f"{path}: no object"
        return
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    kind = kinds.get(node["type"], (int, float) if node["type"] == "number" else int)
    if not isinstance(value, kind) or (isinstance(value, bool) and node["type"] != "boolean"):
        yield f"{path}: {value!r} is no {node['type']}"
    elif isinstance(value, dict):
        # Metadata is described by Kubernetes, not here.
        yield from _of_object(value, node, path) if node != {"type": "object"} else ()
    elif isinstance(value, list):
        yield from _of_array(value, node, path)
    else:
        yield from _of_scalar(value, node, path)


def _of_object(value: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
    for name in node.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is missing"
    for name, item in value.items():
        known = node.get("additionalProperties") or node["properties"].get(name)
        if known is None:
            yield f"{path}.{name}: is unknown"
        else:
            yield from faults(item, known, f"{path}.{name}")


def _of_array(value: list[Any], node: dict[str, Any], path: str) -> Iterator[str]:
    if len(value) > node.get("maxItems", len(value)):
        yield f"{path}: is too long"
    for key in node.get(KEYS, ()):
        if len({item.get(key) for item in value}) < len(value):
            yield f"{path}: has a {key} twice"
    for number, item in enumerate(value):
        yield from faults(item, node["items"], f"{path}.{number}")


def _of_scalar(value: Any, node: dict[str, Any], path: str) -> Iterator[str]:
    if value not in node.get("enum", (value,)):
        yield f"{path}: {value!r} is not one of {node['enum']}"
    if isinstance(value, str):
        low, high = node.get("minLength", 0), node.get("maxLength", len(value))
        if not low <= len(value) <= high or not re.search(node.get("pattern", ""), value):
            yield f"{path}: {value!r} is no such text"
    elif not node.get("minimum", value) <= value <= node.get("maximum", value):
        yield f"{path}: {value!r} is out of range"


def objects(value: Any, node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object in `value` whose fields the schema names."""
    if isinstance(value, dict) and "properties" in node:
        yield value
        for name, item in value.items():
            yield from objects(item, node["properties"][name])
    elif isinstance(value, list):
        for item in value:
            yield from objects(item, node["items"])


async def install(kube: Kube) -> Document:
    """The definition of the resource on the server, which serves it then."""
    made = await kube.apply(DEFINITION)
    # The server learns of it piece by piece; kubectl asks for groups and descriptions first.
    for where in (f"/apis/{API_VERSION}/{PLURAL}", "/apis", f"/openapi/v3/apis/{API_VERSION}"):
        await eventually(functools.partial(_knows, kube, where), f"{where} to know the resource")
    return await kube.read(made)


async def _knows(kube: Kube, where: str) -> bool:
    try:
        return GROUP in json.dumps(await kube.ask("GET", where))
    except ApiException:
        await asyncio.sleep(0.1)
        return False
