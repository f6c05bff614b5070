"""What an error of aiokafka is for the engine: passing or not."""

from __future__ import annotations

import pytest
from aiokafka import errors as kafka

from streamlet_sdk.errors import DeniedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka.faults import translated


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (kafka.KafkaConnectionError("Connection at 127.0.0.1:1 closed"), UnavailableError),
        (kafka.TransactionalIdAuthorizationFailed(), DeniedError),
    ],
)
def test_what_is_hidden_in_a_general_error_decides(
    cause: kafka.KafkaError, expected: type[TransportError]
) -> None:
    error = kafka.KafkaError(repr(cause))
    error.__cause__ = cause
    made = translated(error, "starting a producer")
    assert type(made) is expected
    assert str(made).startswith("starting a producer: ")
