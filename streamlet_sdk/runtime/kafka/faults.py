"""What aiokafka's errors mean for the engine: each becomes one of `streamlet_sdk.errors`.

Used by the other modules of this package.
"""

from __future__ import annotations

import ssl
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
# What is said of an error, and what is to be done; None keeps what aiokafka or the broker says.
# OpenSSL's numbers for what is wrong with a certificate.
_OTHER_HOST: Final = (
    "use a host of bootstrap.servers that the certificate names, or set "
    "ssl.endpoint.identification.algorithm to an empty text"
)
_VERIFYING: Final = {
    9: "check the clock of this machine",
    10: "renew the broker's certificate",
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}
_UNTRUSTED: Final = "give the certificate of its authority in ssl.truststore.*"
# What a broker says that does not accept the client's certificate, or misses one.
_ALERTS: Final = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)
_SAID: Final[dict[type[BaseException], tuple[str | None, str]]] = {
    kafka.SaslAuthenticationFailed: (None, "check sasl.jaas.config and sasl.mechanism"),
    kafka.UnsupportedSaslMechanismError: (
        "the broker does not offer this SASL mechanism",
        "set sasl.mechanism to one that the broker offers",
    ),
    kafka.IllegalSaslStateError: (
        "the listener does not use SASL",
        "set security.protocol to PLAINTEXT or SSL, or use the port of another listener",
    ),
    kafka.TopicAuthorizationFailedError: (
        "this principal is not allowed to use the topic",
        "allow what it lacks on the topic: Describe, DescribeConfigs, Read, Write or Create",
    ),
    kafka.GroupAuthorizationFailedError: (
        "this principal is not allowed to be in the consumer group",
        "allow Read on the group",
    ),
    kafka.TransactionalIdAuthorizationFailed: (
        "this principal is not allowed to use the transactional id",
        "allow Describe and Write on the transactional id",
    ),
    kafka.ClusterAuthorizationFailedError: (
        "this principal is not allowed to do this on the cluster",
        "allow Write on a topic to produce, Create and Alter to manage topics",
    ),
    kafka.MessageSizeTooLargeError: (None, "raise max.message.bytes of the topic, or write less"),
    kafka.InvalidTimestampError: (
        "the timestamp of a record is too far from the broker's clock",
        "check the clocks, and message.timestamp.before.max.ms and .after.max.ms of the topic",
    ),
    kafka.CorruptRecordException: (
        "a batch of records is damaged",
        "restore the partition from another replica; check.crcs=false reads it as it is",
    ),
    kafka.KafkaStorageError: (
        "the broker cannot use its disk",
        "check the space and the health of the broker's disks",
    ),
    kafka.NotEnoughReplicasError: (
        "fewer replicas are in sync than min.insync.replicas asks for",
        "check the other brokers",
    ),
    kafka.NodeNotReadyError: ("the broker cannot be reached", "check that it runs"),
    kafka.IncompatibleBrokerVersion: (None, "Kafka 2.5 or later is needed"),
    NotImplementedError: (None, "the broker is too young: take a newer cloudflow-streamlets"),
}


def sentence(error: BaseException) -> str:
    """What `error` says, in one line; only what is meant for people, no `repr` of anything."""
    cause = error.__cause__
    if isinstance(error, kafka.KafkaConnectionError) and isinstance(cause, ssl.SSLError):
        return _of_the_system(cause)
    if not isinstance(error, kafka.KafkaError):
        return _of_the_system(error)
    details = ", ".join(each for each in error.args if isinstance(each, str))
    text = _SAID.get(type(error), (None, ""))[0] or ""
    if not isinstance(error, kafka.BrokerResponseError):
        return text or details or type(error).__name__
    text = text or getattr(error, "description", "") or getattr(error, "message", "")
    text = text.rstrip(".") or type(error).__name__
    return f"{text} ({details})" if details else text


def _of_the_system(error: BaseException) -> str:
    """What an error says that is not Kafka's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not accepted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS could not be agreed upon: {error.reason.replace('_', ' ').lower()}"
    if isinstance(error, ConnectionResetError):
        return "the broker closed the connection"
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    return " ".join(str(error).split()) or type(error).__name__


def advice(error: BaseException) -> str | None:
    """What to do about `error`, as far as it can be known from it alone."""
    if isinstance(error, kafka.KafkaConnectionError) and isinstance(error.__cause__, ssl.SSLError):
        return advice(error.__cause__)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFYING.get(error.verify_code, _UNTRUSTED)
    if _is_refused_by_tls(error):
        return "give a certificate that the broker trusts in ssl.keystore.*"
    return _SAID.get(type(error), (None, None))[1]


def translated(error: BaseException, doing: str) -> TransportError:
    """`error` as one of the transport's; `doing` says what was tried."""
    if isinstance(error, TransportError):
        return error
    if type(error) is kafka.KafkaError and error.__cause__ is not None:
        # aiokafka hides what it did not expect, such as a lost connection, in a general error.
        return translated(error.__cause__, doing)
    text = f"{doing}: {sentence(error)}"
    if isinstance(error, _DENIED) or _is_refused_by_tls(error):
        return DeniedError(text, hint=advice(error))
    if isinstance(error, _FENCED):
        return FencedError(text)
    if isinstance(error, (TimeoutError, OSError)) or _is_passing(error):
        return UnavailableError(text, hint=advice(error))
    return RejectedError(text, hint=advice(error))


def unwritten(error: BaseException, doing: str) -> TransportError:
    """`error` of a batch that was sent: rejected only when it surely was not written."""
    made = translated(error, doing)
    if isinstance(made, (DeniedError, FencedError, NotAttemptedError)):
        return made
    if isinstance(error, _REJECTED):
        return made
    return OutcomeUnknownError(str(made), hint=made.hint)


@contextmanager
def translating(doing: str) -> Iterator[None]:
    """Turn what the block raises into errors of the transport."""
    try:
        yield
    except (
        kafka.KafkaError,
        kafka.IllegalOperation,
        NotImplementedError,
        OSError,
        TimeoutError,
    ) as error:
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


def _is_refused_by_tls(error: BaseException) -> bool:
    """Whether one side does not accept the other's certificate: waiting does not change that."""
    cause = error.__cause__ if isinstance(error, kafka.KafkaConnectionError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return True
    return isinstance(cause, ssl.SSLError) and cause.reason in _ALERTS
