"""The writer schemas that a process knows, by fingerprint.

The engine fills it from the schemas topic; codecs look up the schema of each record's writer. It
belongs to one process and is safe to use from several threads.
"""

from __future__ import annotations

from threading import Lock

from streamlet_sdk.errors import SchemaConflictError, SchemaError
from streamlet_sdk.serde.canonical import fingerprint as fingerprint_of
from streamlet_sdk.serde.nodes import Fixed, Node, Primitive, Record, children
from streamlet_sdk.serde.parsing import parse_schema


class SchemaBook:
    """Avro schemas by their fingerprint; once known, a schema never changes."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}
        self._lock = Lock()

    def add(self, fingerprint: str, text: str) -> None:
        """Remember a schema; adding a known one again does nothing.

        Raises:
            SchemaError: when `text` is no Avro schema or has another fingerprint.
            SchemaConflictError: when a schema of the same fingerprint is known that means other
                values: readers would take one for the other.
        """
        if self._texts.get(fingerprint) == text:
            return
        node = parse_schema(text, f"the schema {fingerprint}")
        actual = fingerprint_of(node)
        if actual != fingerprint:
            raise SchemaError(
                f"a schema is stored under {fingerprint} and has the fingerprint {actual}",
                hint="Something else wrote to the topic of schemas, or changed a record there.",
            )
        with self._lock:
            known = self._nodes.setdefault(fingerprint, node)
            differing = _differences(known, node)
            if differing:
                raise SchemaConflictError(
                    f"a schema with the fingerprint {fingerprint} is known already, with other "
                    f"logical types, so its records would be misread: {'; '.join(differing)}",
                    hint="Rename the record or the field whose logical type changed.",
                )
            self._texts.setdefault(fingerprint, text)

    def text(self, fingerprint: str) -> str | None:
        """The schema with this fingerprint; None when it is not known, perhaps not yet."""
        return self._texts.get(fingerprint)

    def node(self, fingerprint: str) -> Node | None:
        """The parsed schema with this fingerprint, or None."""
        return self._nodes.get(fingerprint)


def _differences(known: Node, new: Node) -> list[str]:
    """Where two schemas of one canonical form differ in logical types."""
    found: list[str] = []
    seen: set[tuple[Node, Node]] = set()
    pending = [(known, new, "value")]
    while pending:
        one, other, path = pending.pop()
        if (one, other) in seen:
            continue
        seen.add((one, other))
        if (
            isinstance(one, Primitive | Fixed)
            and isinstance(other, Primitive | Fixed)
            and one.logical != other.logical
        ):
            found.append(
                f"{path} is {one.logical or 'plain'} there and {other.logical or 'plain'} here"
            )
        pending.extend(
            (left, right, f"{path}{step}")
            for left, right, step in zip(children(one), children(other), _steps(one), strict=True)
        )
    return sorted(found)


def _steps(node: Node) -> list[str]:
    if isinstance(node, Record):
        return [f".{part.name}" for part in node.fields]
    return ["" for _ in children(node)]
