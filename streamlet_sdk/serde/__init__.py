"""Bytes to values and back: Avro, JSON, protobuf, bytes, and a user's own codec.

The engine uses `port_codec` and `SchemaBook`, the blueprint `port_schema` and `unreadable`,
ingress and sandbox the JSON functions. It knows nothing of ports, topics or records.
"""

from streamlet_sdk.serde.book import SchemaBook
from streamlet_sdk.serde.choice import port_codec, port_schema
from streamlet_sdk.serde.compatibility import unreadable
from streamlet_sdk.serde.jsonvalues import from_json, json_value, value_json
from streamlet_sdk.serde.marker import Avro
from streamlet_sdk.serde.problems import InvalidJsonError, JsonProblem
from streamlet_sdk.serde.schema import Format, PortCodec, PortOptions, Schema, UserCodec

__all__ = [
    "Avro",
    "Format",
    "InvalidJsonError",
    "JsonProblem",
    "PortCodec",
    "PortOptions",
    "Schema",
    "SchemaBook",
    "UserCodec",
    "from_json",
    "json_value",
    "port_codec",
    "port_schema",
    "unreadable",
    "value_json",
]
