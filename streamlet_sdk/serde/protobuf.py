"""The protobuf codec of a port: bare messages of a generated class.

Needs the extra `proto`, but only once a port has a message class or a schema of one is compared.
"""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import DecodeError, EncodeError, MissingExtraError
from streamlet_sdk.serde.fingerprints import short_sha256
from streamlet_sdk.serde.fitting import Misfit
from streamlet_sdk.serde.problems import invalid
from streamlet_sdk.serde.schema import Schema

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import Message


def is_message_class(type_: Any) -> bool:
    """Whether `type_` is a generated message class; loads nothing."""
    module = sys.modules.get("google.protobuf.message")
    return module is not None and isinstance(type_, type) and issubclass(type_, module.Message)


def protobuf_schema(type_: type[Message]) -> Schema:
    """The message with all files that its description needs."""
    descriptor = type_.DESCRIPTOR
    text = base64.b64encode(_file_set(descriptor).SerializeToString(deterministic=True)).decode()
    return Schema("proto", descriptor.full_name, text, short_sha256(descriptor.full_name + text))


def _file_set(descriptor: Any) -> FileDescriptorSet:
    try:
        from google.protobuf.descriptor_pb2 import FileDescriptorSet
    except ImportError as error:
        raise MissingExtraError("a port with protobuf messages", "proto") from error
    found: dict[str, Any] = {}
    _collect(descriptor.file, found)
    files = FileDescriptorSet()
    for file in found.values():
        file.CopyToProto(files.file.add())
    return files


def _collect(file: Any, found: dict[str, Any]) -> None:
    """`file` after the files that it imports, as a descriptor pool wants them."""
    for imported in file.dependencies:
        if imported.name not in found:
            _collect(imported, found)
    found[file.name] = file


class ProtobufCodec:
    """Values are messages of one generated class."""

    def __init__(self, type_: type[Message]) -> None:
        """Take the generated class of the messages."""
        from google.protobuf import json_format, message

        self.schema = protobuf_schema(type_)
        self._type = type_
        self._json = json_format
        self._decode_error = message.DecodeError
        self._encode_error = message.EncodeError

    def encode(self, value: Message) -> bytes:
        """The bytes of `value`; see `PortCodec`."""
        if not isinstance(value, self._type):
            raise EncodeError(f"a {type(value).__name__} is not a {self.schema.name}")
        try:
            return value.SerializeToString()
        except (self._encode_error, ValueError) as error:
            raise EncodeError(f"the value does not fit {self.schema.name}: {error}") from error

    def decode(self, data: bytes) -> Message:
        """The message in `data`; see `PortCodec`."""
        try:
            return self._type.FromString(data)
        except (self._decode_error, TypeError, ValueError) as error:
            raise DecodeError(f"the bytes hold no {self.schema.name}: {error}") from error

    def from_json(self, document: Any) -> Message:
        """The message of a JSON document, in protobuf's own JSON form."""
        try:
            return self._json.ParseDict(document, self._type())
        except (self._json.Error, TypeError, AttributeError, ValueError) as error:
            raise invalid([Misfit("", str(error))]) from error

    def to_json(self, value: Message) -> Any:
        """The message in protobuf's own JSON form."""
        return self._json.MessageToDict(value)
