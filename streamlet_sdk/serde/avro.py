"""The Avro codec of a port: single-object encoding, reading by the writer's schema.

https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding: a marker, the
fingerprint of the writer's schema, the datum. The functions that do the work are made once per
schema by `writing`, and once per pair of schemas by `reading`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from streamlet_sdk.errors import DecodeError, EncodeError, SchemaError, UnknownSchemaError
from streamlet_sdk.serde.canonical import (
    HEADER_SIZE_BYTES,
    MARKER,
    fingerprint,
    header,
    header_fingerprint,
    schema_text,
)
from streamlet_sdk.serde.documents import DocumentReader, Style, to_document
from streamlet_sdk.serde.fitting import Misfit, misfits
from streamlet_sdk.serde.modeljson import ModelJson
from streamlet_sdk.serde.nodes import Node, label
from streamlet_sdk.serde.problems import invalid, validation_misfits
from streamlet_sdk.serde.reading import READ_FAILURES, Read, make_reader
from streamlet_sdk.serde.schema import Schema
from streamlet_sdk.serde.writing import WRITE_FAILURES, make_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.serde.book import SchemaBook

T = TypeVar("T")
_TOO_DEEP: Final = Misfit("", "it is nested too deeply")
_SHOWN_MISFITS: Final = 10
_SHOWN_CHARACTERS: Final = 1000


def avro_schema(node: Node) -> Schema:
    """What `node` is to others."""
    return Schema("avro", label(node), schema_text(node), fingerprint(node))


class AvroCodec(Generic[T]):
    """Reads and writes the values of one schema."""

    def __init__(self, node: Node, type_: Any, book: SchemaBook) -> None:
        """Make the functions for `node`.

        Args:
            node: the schema, bound to the classes of its values.
            type_: the Python type of the values; None for plain dicts and lists.
            book: where other writers' schemas are; learns this one.

        Raises:
            SchemaConflictError: when the book has this fingerprint with other logical types.
            SchemaError: when the schema is nested too deeply.
        """
        self.schema: Final = avro_schema(node)
        self._node = node
        self._book = book
        self._header = header(self.schema.fingerprint)
        self._adapter = None if type_ is None else TypeAdapter[Any](type_)
        self._style = Style.TAGGED if type_ is None else Style.PLAIN
        self._validate: Callable[[Any], Any] = (
            _same if self._adapter is None else self._adapter.validator.validate_python
        )
        book.declare(self.schema.fingerprint, self.schema.text)
        self._readers: dict[bytes, Read] = {}
        try:
            self._write = make_writer(node)
            self._own = self._reader(node)
        except RecursionError as error:
            raise SchemaError(f"{self.schema.name} is nested too deeply") from error

    def encode(self, value: T) -> bytes:
        """The bytes of `value`; see `PortCodec`."""
        out = bytearray(self._header)
        try:
            self._write(value, out)
        except WRITE_FAILURES as error:
            raise EncodeError(self._encode_sentence(value, error)) from error
        return bytes(out)

    def decode(self, data: bytes) -> T:
        """The value in `data`; see `PortCodec`."""
        try:
            read = self._readers.get(data[:HEADER_SIZE_BYTES]) or self._learned(data)
            value, end = read(data, HEADER_SIZE_BYTES)
            if end != len(data):
                raise DecodeError(self._length_sentence(data, end))
            result: T = self._validate(value)
        except READ_FAILURES as error:
            raise DecodeError(self._decode_sentence(data, error)) from error
        return result

    def from_json(self, document: Any) -> T:
        """The value of a JSON document; see `PortCodec`."""
        try:
            value: T = self._from_json(document)
        except RecursionError as error:
            raise invalid([_TOO_DEEP]) from error
        try:
            self._write(value, bytearray())
        except WRITE_FAILURES as error:
            raise invalid(self._misfits(value, error)) from error
        return value

    def _from_json(self, document: Any) -> Any:
        if self._adapter is not None:
            return ModelJson(self._node, self._adapter).value(document)
        reader = DocumentReader(Style.TAGGED)
        value = reader.read(self._node, document)
        if reader.problems:
            raise invalid(reader.problems)
        return value

    def to_json(self, value: T) -> Any:
        """A JSON document of `value`; see `PortCodec`."""
        try:
            return to_document(self._node, value, self._style)
        except WRITE_FAILURES as error:
            raise EncodeError(self._encode_sentence(value, error)) from error

    def _reader(self, writer: Node) -> Read:
        return make_reader(writer, self._node, is_exact=self._adapter is None).read

    def _learned(self, data: bytes) -> Read:
        """The function for a writer that was not met before."""
        if len(data) < HEADER_SIZE_BYTES or not data.startswith(MARKER):
            raise DecodeError(
                f"{len(data)} bytes do not begin like Avro in single-object encoding (c3 01 and "
                f"a fingerprint); are they of another producer or format?"
            )
        written = header_fingerprint(data)
        node = self._book.node(written)
        if node is None and self._book.accepts(written) and written == self.schema.fingerprint:
            return self._own  # not kept: another may be published yet
        if node is None:
            raise UnknownSchemaError(written)
        read = self._readers[data[:HEADER_SIZE_BYTES]] = self._reader(node)
        return read

    def _encode_sentence(self, value: Any, error: Exception) -> str:
        found = self._misfits(value, error)
        listed = "; ".join(map(str, found[:_SHOWN_MISFITS]))
        more = f"; and {len(found) - _SHOWN_MISFITS} more" if len(found) > _SHOWN_MISFITS else ""
        return f"the value does not fit {self.schema.name}: {listed}{more}"

    def _misfits(self, value: Any, error: Exception) -> list[Misfit]:
        """Why a value could not be written, found by looking at all of it."""
        if isinstance(error, RecursionError):
            return [_TOO_DEEP]
        return list(misfits(self._node, value)) or [Misfit("", str(error))]

    def _length_sentence(self, data: bytes, end: int) -> str:
        if end > len(data):
            return f"the {len(data)} bytes end in the middle of a {self.schema.name}"
        return f"{len(data) - end} bytes follow the {self.schema.name} in {len(data)} bytes"

    def _decode_sentence(self, data: object, error: Exception) -> str:
        if not isinstance(data, bytes):
            return f"there is no value: {type(data).__name__} instead of bytes"
        if isinstance(error, ValidationError):
            found = "; ".join(map(str, validation_misfits(error)[:_SHOWN_MISFITS]))
            shown = found[:_SHOWN_CHARACTERS]  # a path of a deep value is longer than a log line
            return f"the value in {len(data)} bytes is no valid {self.schema.name}: {shown}"
        if isinstance(error, IndexError):
            return self._length_sentence(data, len(data) + 1)
        if isinstance(error, RecursionError):
            return f"the {self.schema.name} in {len(data)} bytes is nested too deeply"
        return f"the {len(data)} bytes hold no {self.schema.name}: {error}"


def _same(value: Any) -> Any:
    return value
