"""The page `docs/reference/resource.md`, made of the definition; called by `docs/generate.py`.

One table for each object of the resource. Objects that are alike are described once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.api.schema import COLUMNS, definition
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Mapping[str, Any]

_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
_INTRO: Final = f"""\
# The application resource

`{KIND}` in `{API_VERSION}`, short `cfa`, is all that the
operator needs of an application: `kubectl cloudflow` writes it, and `kubectl apply` of it deploys
the application just as well. Only secrets are elsewhere: a parameter names the Secret with its
value. `kubectl explain cfa.spec` says the same as this page.

Apply it with `--server-side`, and from Argo CD with the option `ServerSideApply=true`: a plain
`kubectl apply` keeps a copy of the whole document in an annotation, which Kubernetes refuses beyond
256 KiB, about 50 streamlets. With server-side apply 200 streamlets with their schemas, the status
and the record of who manages what stay below the 1 MiB that Kubernetes stores.

What is absent is not set: the operator has the defaults, and the server adds none, so that nothing
shows up in a difference. A list that is merged by a key may have several writers, each with entries
and fields of its own; every other list or map belongs to one writer as a whole. `scale` and
`configure` write `spec.overrides` and nothing else, so they last when the rest is applied again.
"""


def page() -> str:
    """The page, without the line that says where it comes from."""
    version = definition()["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]
    parts = [_INTRO]
    seen: dict[str, str] = {}
    for name in ("spec", "status"):
        parts += _sections(name, root["properties"][name], seen)
    columns = [f"| {name} | `{path}` |" for name, _, path, _ in COLUMNS]
    table = "\n".join(["| column | field |", "| --- | --- |", *columns])
    rules = "\n".join(_rules(root))
    parts.append(f"## metadata\n\n{rules}\n")
    parts.append(f"## What `kubectl get cfa` shows\n\n{table}\n\nMessage is shown by `-o wide`.\n")
    return "\n".join(parts)


def _sections(path: str, node: Node, seen: dict[str, str]) -> Iterator[str]:
    """The section of an object and of those below it, but for those that were described."""
    seen[_shape(node)] = path
    rows, below = [], []
    for name, field in node["properties"].items():
        place, entry = f"{path}.{name}", _entry(field)
        if "properties" in entry and _shape(entry) not in seen:
            seen[_shape(entry)] = place
            below.append((place, entry))
        needed = " (required)" if name in node.get("required", ()) else ""
        meaning = field.get("description", "").replace("|", "\\|")
        rows.append(f"| `{name}`{needed} | {_type(field, seen)} | {meaning} |")
    table = "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows])
    rules = "\n".join(_rules(node))
    yield f"## {path}\n\n{node.get('description', '')}\n\n{table}\n" + (
        f"\n{rules}\n" if rules else ""
    )
    for place, entry in below:
        yield from _sections(place, entry, seen)


def _entry(field: Node) -> Node:
    found: Node = field["items"] if field.get("type") == "array" else field
    return found


def _shape(node: Node) -> str:
    return repr({key: value for key, value in node.items() if key != "description"})


def _rules(node: Node) -> Iterator[str]:
    for rule in node.get("x-kubernetes-validations", ()):
        yield f"- The server refuses it otherwise: {rule['message']}."


def _type(node: Node, seen: Mapping[str, str]) -> str:
    if node["type"] == "array":
        return f"list of {_plural(node['items'], seen)}{_merged(node)}"
    if "properties" in node:
        return _link(node, seen)
    if node["type"] == "object":
        return "map of texts" if "additionalProperties" in node else "object of any content"
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    return f"{_TYPES[node['type']]}{_limits(node)}"


def _plural(node: Node, seen: Mapping[str, str]) -> str:
    if "properties" in node:
        return _link(node, seen)
    return "texts" if node["type"] == "string" else "objects of any content"


def _link(node: Node, seen: Mapping[str, str]) -> str:
    path = seen[_shape(node)]
    return f"[{path}](#{path.replace('.', '').lower()})"


def _merged(node: Node) -> str:
    keys = ", ".join(f"`{key}`" for key in node.get("x-kubernetes-list-map-keys", ()))
    merged = f", merged by {keys}" if keys else ""
    return merged + (f", at most {node['maxItems']}" if "maxItems" in node else "")


def _limits(node: Node) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    if low is not None:
        return f", at least {low:g}"
    if "pattern" in node:
        return f" like `{node['pattern']}`, at most {node['maxLength']} characters"
    return ""
