"""What a port's values look like on the wire, and the interface of every codec.

The engine, the blueprint and the command line use these types. How bytes are made is decided
by the module of each format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Format = Literal["avro", "json", "proto", "bytes", "custom"]


@dataclass(frozen=True, slots=True)
class Schema:
    """The wire form of a port's values; two equal ones are the same form.

    Attributes:
        format: the encoding.
        name: what people call it: a record's full name, a class, `list[long]`.
        text: Avro: JSON, deterministic, with logical types. JSON: a JSON schema. Protobuf: a
            `FileDescriptorSet` in base64. Otherwise empty.
        fingerprint: Avro: the CRC-64-AVRO of the parsing canonical form, which says nothing of
            logical types, as 16 hexadecimal digits in the order of the wire. Otherwise 16 digits
            of a SHA-256.
    """

    format: Format
    name: str
    text: str
    fingerprint: str


class UserCodec(Protocol[T]):
    """A user's own encoding; the same shape as `streamlet_sdk.Codec`."""

    def encode(self, value: T, /) -> bytes:
        """The bytes of `value`."""
        raise NotImplementedError

    def decode(self, data: bytes, /) -> T:
        """The value in `data`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOptions:
    """What a port's declaration says besides its type.

    Attributes:
        avro: path of an Avro schema file, relative to the file of `module`.
        format: the encoding asked for; None chooses by the type.
        codec: the user's own encoding; excludes the others.
        module: name of the module that defines the streamlet.
    """

    avro: str | None = None
    format: Literal["avro", "json"] | None = None
    codec: UserCodec[Any] | None = None
    module: str = ""


class PortCodec(Protocol[T]):
    """Bytes to values and back, for one port; safe to use from several threads."""

    @property
    def schema(self) -> Schema:
        """The wire form that `encode` writes and `decode` expects."""
        raise NotImplementedError

    def encode(self, value: T) -> bytes:
        """The bytes of `value`.

        Raises:
            EncodeError: says what does not fit, and where in the value.
        """
        raise NotImplementedError

    def decode(self, data: bytes) -> T:
        """The value in `data`.

        Raises:
            DecodeError: when the bytes or the value in them do not fit.
            UnknownSchemaError: when the schema that it was written with is not in the book.
        """
        raise NotImplementedError

    def from_json(self, document: Any) -> T:
        """The value that a parsed JSON document stands for.

        Raises:
            InvalidJsonError: with every problem of the document.
        """
        raise NotImplementedError

    def to_json(self, value: T) -> Any:
        """A JSON document, as plain Python values, that `from_json` accepts again."""
