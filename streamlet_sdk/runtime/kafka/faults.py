"""What aiokafka's errors mean for the engine: each becomes one of `streamlet_sdk.errors`.

Used by the other modules of this package.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aiokafka import errors as kafka

from streamlet_sdk.errors import (
    DeniedError,
    FencedError,
    NotAttemptedError,
    OutcomeUnknownError,
    RejectedError,
    TransportError,
    UnavailableError,
)
from streamlet_sdk.runtime.kafka import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENIED: Final = (
    kafka.AuthenticationFailedError,
    kafka.AuthenticationMethodNotSupported,
    kafka.ClusterAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.IllegalSaslStateError,
    kafka.SaslAuthenticationFailed,
    kafka.SecurityDisabled,
    kafka.TopicAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
    kafka.UnsupportedSaslMechanismError,
)
_FENCED: Final = (
    kafka.InvalidProducerEpoch,
    kafka.InvalidProducerIdMapping,
    kafka.ProducerFenced,
    wire.FencedInstanceIdError,
    wire.ProducerFencedByBrokerError,
)
# Refused before anything was written; waiting does not help.
_REJECTED: Final = (
    kafka.CorruptRecordException,
    kafka.InvalidRequiredAcksError,
    kafka.InvalidTimestampError,
    kafka.InvalidTopicError,
    kafka.MessageSizeTooLargeError,
    kafka.PolicyViolationError,
    kafka.RecordListTooLargeError,
    kafka.UnsupportedForMessageFormatError,
    kafka.UnsupportedVersionError,
    wire.InvalidRecordError,
)
_HINTS: Final[dict[type[BaseException], str]] = {
    kafka.SaslAuthenticationFailed: "check sasl.jaas.config and sasl.mechanism",
    kafka.UnsupportedSaslMechanismError: "set sasl.mechanism to one that the broker offers",
    kafka.TopicAuthorizationFailedError: "allow the principal Describe, Read and Write on it",
    kafka.GroupAuthorizationFailedError: "allow the principal Read on the consumer group",
    kafka.TransactionalIdAuthorizationFailed: "allow the principal Write on the transactional id",
    kafka.MessageSizeTooLargeError: "raise max.message.bytes of the topic, or write less",
}


def sentence(error: BaseException) -> str:
    """What `error` says, in one line."""
    if isinstance(error, kafka.BrokerResponseError):
        text = getattr(error, "description", "") or getattr(error, "message", "")
        details = ", ".join(str(each) for each in error.args)
        said = f"{text.rstrip('.')} ({details})" if details else text.rstrip(".")
        return said or type(error).__name__
    return str(error) or type(error).__name__


def translated(error: BaseException, doing: str) -> TransportError:
    """`error` as one of the transport's; `doing` says what was tried."""
    if isinstance(error, TransportError):
        return error
    text = f"{doing}: {sentence(error)}"
    if isinstance(error, _DENIED):
        return DeniedError(text, hint=_hint(error))
    if isinstance(error, _FENCED):
        return FencedError(text)
    if isinstance(error, (TimeoutError, OSError)) or _is_passing(error):
        return UnavailableError(text)
    return RejectedError(text, hint=_hint(error))


def unwritten(error: BaseException, doing: str) -> TransportError:
    """`error` of a batch that was sent: rejected only when it surely was not written."""
    made = translated(error, doing)
    if isinstance(made, (DeniedError, FencedError, NotAttemptedError)):
        return made
    if isinstance(error, _REJECTED):
        return made
    return OutcomeUnknownError(str(made))


@contextmanager
def translating(doing: str) -> Iterator[None]:
    """Turn what the block raises into errors of the transport."""
    try:
        yield
    except (kafka.KafkaError, kafka.IllegalOperation, OSError, TimeoutError) as error:
        raise translated(error, doing) from error


def _is_passing(error: BaseException) -> bool:
    """Whether waiting may help."""
    passing = (
        kafka.KafkaConnectionError,
        kafka.KafkaTimeoutError,
        kafka.KafkaUnavailableError,
        kafka.NodeNotReadyError,
        kafka.StaleMetadata,
        kafka.CommitFailedError,
    )
    return isinstance(error, passing) or bool(getattr(error, "retriable", False))


def _hint(error: BaseException) -> str | None:
    return _HINTS.get(type(error))
