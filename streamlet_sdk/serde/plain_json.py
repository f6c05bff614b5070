"""The JSON codec of a port: UTF-8 JSON of any type that pydantic knows."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic_core import PydanticSerializationError

from streamlet_sdk.errors import DecodeError, EncodeError, SchemaError
from streamlet_sdk.serde.fingerprints import short_sha256
from streamlet_sdk.serde.fitting import Misfit
from streamlet_sdk.serde.problems import invalid, validation_misfits
from streamlet_sdk.serde.schema import Schema

T = TypeVar("T")


def json_schema(type_: Any) -> Schema:
    """What the JSON documents of `type_` look like.

    Raises:
        SchemaError: when pydantic cannot describe the type.
    """
    name = getattr(type_, "__name__", str(type_))
    try:
        document = TypeAdapter(type_).json_schema(mode="validation")
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError) as error:
        raise SchemaError(f"{name} cannot be described in JSON schema: {error}") from error
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return Schema("json", name, text, short_sha256(text))


class JsonCodec(Generic[T]):
    """Values of a type that pydantic validates."""

    def __init__(self, type_: Any) -> None:
        """Describe `type_`; raises SchemaError when pydantic cannot."""
        self.schema = json_schema(type_)
        self._adapter = TypeAdapter[T](type_)

    def encode(self, value: T) -> bytes:
        """The bytes of `value`; see `PortCodec`."""
        try:
            # Of an instance of another class pydantic would write what the classes share.
            self._adapter.validate_python(value, strict=True)
            data = self._adapter.dump_json(value, by_alias=True)
            if b"null" in data:
                # pydantic writes NaN and infinity as null, which would lose them in silence.
                json.dumps(self._adapter.dump_python(value, mode="json"), allow_nan=False)
        except ValidationError as error:
            found = "; ".join(map(str, validation_misfits(error)))
            raise EncodeError(f"the value does not fit {self.schema.name}: {found}") from error
        except (PydanticSerializationError, ValueError) as error:
            raise EncodeError(f"the value does not fit {self.schema.name}: {error}") from error
        return data

    def decode(self, data: bytes) -> T:
        """The value in `data`; see `PortCodec`."""
        if not isinstance(data, bytes):
            raise DecodeError(f"there is no value: {type(data).__name__} instead of bytes")
        try:
            return self._adapter.validate_json(data)
        except ValidationError as error:
            found = "; ".join(map(str, validation_misfits(error)))
            raise DecodeError(f"{len(data)} bytes are no {self.schema.name}: {found}") from error

    def from_json(self, document: Any) -> T:
        """The value of a JSON document; see `PortCodec`."""
        try:
            return self._adapter.validate_json(json.dumps(document))
        except ValidationError as error:
            raise invalid(validation_misfits(error)) from error
        except RecursionError as error:
            raise invalid([Misfit("", "it is nested too deeply")]) from error

    def to_json(self, value: T) -> Any:
        """A JSON document of `value`; see `PortCodec`."""
        return json.loads(self.encode(value))
