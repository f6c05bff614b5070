"""JSON text to the values of a port, and back: HTTP bodies, feeds, taps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from streamlet_sdk.serde.fitting import Misfit
from streamlet_sdk.serde.problems import invalid

if TYPE_CHECKING:
    from streamlet_sdk.serde.schema import PortCodec

T = TypeVar("T")


def json_value(codec: PortCodec[T], data: bytes | str) -> T:
    """The value that JSON text stands for.

    Raises:
        InvalidJsonError: with every problem; one when it is no JSON at all.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise invalid([Misfit("", f"it is not JSON: {error}")]) from error
    return from_json(codec, document)


def from_json(codec: PortCodec[T], document: Any) -> T:
    """The value that a parsed JSON document stands for.

    Raises:
        InvalidJsonError: with every problem.
    """
    return codec.from_json(document)


def value_json(codec: PortCodec[T], value: T) -> str:
    """`value` as one line of JSON, which `json_value` accepts again."""
    document = codec.to_json(value)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
