"""Ports whose bytes are somebody else's: untouched bytes, and a user's own codec."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from streamlet_sdk.errors import DecodeError, EncodeError, SerdeError
from streamlet_sdk.serde.fingerprints import short_sha256
from streamlet_sdk.serde.fitting import Misfit
from streamlet_sdk.serde.problems import invalid
from streamlet_sdk.serde.schema import Schema, UserCodec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
BYTES_SCHEMA: Final = Schema("bytes", "bytes", "", short_sha256("bytes"))


class BytesCodec:
    """Passes bytes through; in JSON they are text in base64."""

    schema = BYTES_SCHEMA

    def encode(self, value: bytes) -> bytes:
        """`value` itself."""
        if not isinstance(value, bytes):
            raise EncodeError(f"the port takes bytes, not a {type(value).__name__}")
        return value

    def decode(self, data: bytes) -> bytes:
        """`data` itself."""
        if not isinstance(data, bytes):
            raise DecodeError(f"there is no value: {type(data).__name__} instead of bytes")
        return data

    def from_json(self, document: Any) -> bytes:
        """The bytes of a text in base64; raises InvalidJsonError for anything else."""
        try:
            return base64.b64decode(document, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise invalid([Misfit("", "text in base64 is needed")]) from error

    def to_json(self, value: bytes) -> str:
        """The bytes in base64."""
        return base64.b64encode(self.encode(value)).decode()


def custom_schema(codec: UserCodec[Any]) -> Schema:
    """What is known of a user's codec: its class, or the name it gives itself."""
    class_ = codec if isinstance(codec, type) else type(codec)
    path = f"{class_.__module__}.{class_.__qualname__}"
    name = str(getattr(codec, "schema_name", path))
    return Schema("custom", name, "", short_sha256(name))


class CustomCodec(Generic[T]):
    """A user's codec; whatever it raises becomes an error of this project's.

    Its values are unknown here, so their JSON is the base64 of their bytes.
    """

    def __init__(self, codec: UserCodec[T]) -> None:
        """Wrap `codec`."""
        self.schema = custom_schema(codec)
        self._codec = codec

    def encode(self, value: T) -> bytes:
        """The bytes that the user's codec makes of `value`."""
        data = self._called(self._codec.encode, value, EncodeError)
        if not isinstance(data, bytes):
            raise EncodeError(f"{self.schema.name} gave a {type(data).__name__}, not bytes")
        return data

    def decode(self, data: bytes) -> T:
        """The value that the user's codec finds in `data`."""
        return self._called(self._codec.decode, data, DecodeError)

    def from_json(self, document: Any) -> T:
        """The value in bytes that a text in base64 stands for."""
        return self.decode(BytesCodec().from_json(document))

    def to_json(self, value: T) -> str:
        """The bytes of `value` in base64."""
        return BytesCodec().to_json(self.encode(value))

    def _called(self, function: Callable[[A], B], argument: A, error_class: type[SerdeError]) -> B:
        try:
            return function(argument)
        except Exception as error:
            raise error_class(f"{self.schema.name}.{function.__name__}: {error!r}") from error
