"""Puts Python classes under the schema of a file, so that `Inlet(Metric, avro=…)` gives metrics.

The file decides what is on the wire; the class must be able to hold all of it and to fill it.
"""

from __future__ import annotations

from typing import Any

from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.derivation import derive
from streamlet_sdk.serde.fitting import join
from streamlet_sdk.serde.logical import conversion
from streamlet_sdk.serde.nodes import (
    PYTHON,
    Array,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    label,
)


def bind(node: Node, type_: Any, where: str) -> None:
    """Bind `node`, which was parsed from the file `where`, to the classes in `type_`.

    Raises:
        SchemaError: with everything in which the type and the schema disagree.
    """
    binding = _Binding()
    binding.bind(node, derive(type_, is_lenient=True), "")
    if binding.problems:
        listed = "\n".join(f"  {problem}" for problem in binding.problems)
        name = getattr(type_, "__name__", type_)
        raise SchemaError(f"{name} does not go with {where}:\n{listed}")


class _Binding:
    """Walks a parsed schema and a derived one side by side."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._bound: dict[Record | Symbols, Record | Symbols] = {}
        self._seen: set[Record | Symbols] = set()

    def bind(self, node: Node, derived: Node, path: str) -> None:
        """Take the classes of `derived` over to `node`."""
        match node, derived:
            case Record(), Record():
                self._record(node, derived, path)
            case Symbols(), Symbols():
                self._symbols(node, derived, path)
            case Array(), Array():
                node.container = derived.container
                self.bind(node.items, derived.items, join(path, "[]"))
            case Map(), Map():
                self.bind(node.values, derived.values, join(path, "{}"))
            case (Union(), _) | (_, Union()):
                self._union(node, derived, path)
            case Primitive(), Primitive() if node.kind == derived.kind:
                node.python = derived.python
                self._leaf(node, derived, path)
            case _:
                self._leaf(node, derived, path)

    def _differ(self, node: Node, derived: Node, path: str) -> None:
        self.problems.append(
            f"{path or 'value'}: the schema says {label(node)}, the class {label(derived)}"
        )

    def _leaf(self, node: Node, derived: Node, path: str) -> None:
        if _python(node) is None or _python(node) != _python(derived):
            self._differ(node, derived, path)

    def _record(self, node: Record, derived: Record, path: str) -> None:
        if self._is_known(node, derived, path):
            return
        node.model = derived.model
        by_name = {part.name: part for part in derived.fields}
        for part in node.fields:
            other = by_name.pop(part.name, None)
            if other is None:
                self.problems.append(f"{join(path, part.name)}: {derived.name} has no field for it")
                continue
            part.attribute, part.accepted = other.attribute, other.accepted
            part.is_strict = other.is_strict
            self.bind(part.type, other.type, join(path, part.name))
        self.problems.extend(
            f"{join(path, name)}: the schema has no such field" for name in by_name
        )

    def _symbols(self, node: Symbols, derived: Symbols, path: str) -> None:
        if self._is_known(node, derived, path):
            return
        if derived.members is None or set(node.symbols) != set(derived.members):
            self._differ(node, derived, path)
        node.members = derived.members

    def _is_known(self, node: Record | Symbols, derived: Record | Symbols, path: str) -> bool:
        known = self._bound.setdefault(node, derived)
        if known is not derived:
            self.problems.append(
                f"{path or 'value'}: {node.name} is {known.name} elsewhere and {derived.name} here"
            )
        is_first = node not in self._seen
        self._seen.add(node)
        return not is_first

    def _union(self, node: Node, derived: Node, path: str) -> None:
        ours = node.branches if isinstance(node, Union) else (node,)
        theirs = list(derived.branches if isinstance(derived, Union) else (derived,))
        for branch in ours:
            other = next((part for part in theirs if _is_alike(branch, part)), None)
            if other is None:
                self._differ(node, derived, path)
                return
            theirs.remove(other)
            self.bind(branch, other, path)
        if theirs:
            self._differ(node, derived, path)


def _is_alike(node: Node, derived: Node) -> bool:
    """Whether a branch of the file's union can only mean this one of the class's."""
    match node, derived:
        case Record(), Record():
            return node.name.rpartition(".")[2] == derived.name.rpartition(".")[2]
        case (Array(), Array()) | (Map(), Map()) | (Symbols(), Symbols()):
            return True
        case _:
            return _python(node) is not None and _python(node) == _python(derived)


def _python(node: Node) -> type | None:
    """The class of the values of a type without parts; None for the others."""
    found = conversion(node)
    if found is not None:
        return found.python
    match node:
        case Primitive():
            return PYTHON[node.kind]
        case Fixed():
            return bytes
        case Symbols():
            return str
        case _:
            return None
