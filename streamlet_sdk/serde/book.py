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
    """Avro schemas by their fingerprint; once published, a schema never changes.

    The fingerprint does not see logical types, so that a process's own schema says nothing sure
    about what others wrote under its fingerprint. A book that somebody fills (`follow`) therefore
    gives no own schema to readers before it is published, or accepted because nobody did.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}
        self._own: dict[str, tuple[str, Node]] = {}
        self._accepted: set[str] = set()
        self._is_followed = False
        self._lock = Lock()

    def follow(self) -> None:
        """From now on what others publish comes in by `add`."""
        self._is_followed = True

    def declare(self, fingerprint: str, text: str) -> None:
        """Remember a schema of this process's own.

        Raises:
            SchemaError: when `text` is no Avro schema or has another fingerprint.
            SchemaConflictError: when a schema of the same fingerprint is known that means other
                values: readers would take one for the other.
        """
        node = _parsed(fingerprint, text)
        with self._lock:
            _require_agreement(fingerprint, self._nodes.get(fingerprint, node), node)
            _, own = self._own.setdefault(fingerprint, (text, node))
            _require_agreement(fingerprint, own, node)
            if not self._is_followed:
                self._settle(fingerprint, text, node)

    def add(self, fingerprint: str, text: str) -> None:
        """Remember a schema that a writer published; adding a known one again does nothing.

        Raises:
            SchemaError: when `text` is no Avro schema or has another fingerprint.
            SchemaConflictError: when one of the same fingerprint was published that means other
                values; the first one counts.
        """
        if self._texts.get(fingerprint) == text:
            return
        node = _parsed(fingerprint, text)
        with self._lock:
            self._settle(fingerprint, text, node)
            _require_agreement(fingerprint, self._nodes[fingerprint], node)

    def accept(self, fingerprint: str) -> bool:
        """Read with this process's own schema until one is published; false if there is none."""
        if fingerprint in self._own:
            self._accepted.add(fingerprint)
        return fingerprint in self._own

    def text(self, fingerprint: str) -> str | None:
        """The published schema with this fingerprint; None when there is none, perhaps not yet."""
        return self._texts.get(fingerprint)

    def node(self, fingerprint: str) -> Node | None:
        """The published schema with this fingerprint, parsed, or None."""
        return self._nodes.get(fingerprint)

    def accepts(self, fingerprint: str) -> bool:
        """Whether values of this fingerprint are read by this process's own schema, for now."""
        return fingerprint in self._accepted and fingerprint not in self._nodes

    def _settle(self, fingerprint: str, text: str, node: Node) -> None:
        # The text last: who finds it finds the node.
        self._nodes.setdefault(fingerprint, node)
        self._texts.setdefault(fingerprint, text)


def _parsed(fingerprint: str, text: str) -> Node:
    node = parse_schema(text, f"the schema {fingerprint}")
    actual = fingerprint_of(node)
    if actual != fingerprint:
        raise SchemaError(
            f"a schema is stored under {fingerprint} and has the fingerprint {actual}",
            hint="Something else wrote to the topic of schemas, or changed a record there.",
        )
    return node


def _require_agreement(fingerprint: str, known: Node, node: Node) -> None:
    differing = _differences(known, node)
    if differing:
        raise SchemaConflictError(
            f"a schema with the fingerprint {fingerprint} is known already, with other "
            f"logical types, so its records would be misread: {'; '.join(differing)}",
            hint="Rename the record or the field whose logical type changed.",
        )


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
