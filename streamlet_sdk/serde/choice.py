"""Which codec a port has, by its type and options.

The engine asks for codecs, `describe` for schemas; both get the same answer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.avro import AvroCodec, avro_schema
from streamlet_sdk.serde.binding import bind
from streamlet_sdk.serde.derivation import derive
from streamlet_sdk.serde.parsing import parse_schema
from streamlet_sdk.serde.plain_json import JsonCodec, json_schema
from streamlet_sdk.serde.protobuf import ProtobufCodec, is_message_class, protobuf_schema
from streamlet_sdk.serde.raw import BYTES_SCHEMA, BytesCodec, CustomCodec, custom_schema

if TYPE_CHECKING:
    from streamlet_sdk.serde.book import SchemaBook
    from streamlet_sdk.serde.nodes import Node
    from streamlet_sdk.serde.schema import PortCodec, PortOptions, Schema


def port_codec(type_: Any, options: PortOptions, book: SchemaBook) -> PortCodec[Any]:
    """The codec of a port.

    Args:
        type_: the port's type; None with a schema file means plain dicts.
        options: what the port's declaration says besides.
        book: the schemas of other writers; an Avro codec adds its own.

    Raises:
        SchemaError: says every part of the type or file that cannot be used.
        SchemaConflictError: when the book knows the fingerprint with other logical types.
        MissingExtraError: when the format needs a package that is not installed.
    """
    if options.codec is not None:
        return CustomCodec(_only_codec(type_, options))
    if options.format == "json":
        return JsonCodec(type_)
    if _is_bytes(type_, options):
        return BytesCodec()
    if is_message_class(type_):
        return ProtobufCodec(type_)
    return AvroCodec(_avro_node(type_, options), type_, book)


def port_schema(type_: Any, options: PortOptions) -> Schema:
    """What the port's values look like on the wire; for descriptors.

    Raises:
        SchemaError: as `port_codec`.
        MissingExtraError: as `port_codec`.
    """
    if options.codec is not None:
        return custom_schema(_only_codec(type_, options))
    if options.format == "json":
        return json_schema(type_)
    if _is_bytes(type_, options):
        return BYTES_SCHEMA
    if is_message_class(type_):
        return protobuf_schema(type_)
    return avro_schema(_avro_node(type_, options))


def _is_bytes(type_: Any, options: PortOptions) -> bool:
    return type_ is bytes and options.format is None and options.avro is None


def _only_codec(type_: Any, options: PortOptions) -> Any:
    if options.avro is not None or options.format is not None:
        raise SchemaError(
            f"the port of {_name(type_)} has a codec of its own and also avro= or format=",
            hint="A codec decides the encoding alone: drop the other option.",
        )
    return options.codec


def _avro_node(type_: Any, options: PortOptions) -> Node:
    if options.avro is None:
        if type_ is None:
            raise SchemaError("the port has neither a type nor avro=", hint="Give it one.")
        return derive(type_)
    path = _schema_file(options.avro, options.module)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(
            f"the Avro schema file {options.avro} cannot be read: {error}",
            hint=f"It is looked for at {path}, next to the module {options.module!r}.",
        ) from error
    node = parse_schema(text, options.avro)
    if type_ is not None and type_ is not dict:
        bind(node, type_, options.avro)
    return node


def _schema_file(path: str, module: str) -> Path:
    """`path`, beside the file of `module`, which is loaded since it defined the port."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(path) if file is None else Path(file).parent / path


def _name(type_: Any) -> str:
    return str(getattr(type_, "__name__", type_))
