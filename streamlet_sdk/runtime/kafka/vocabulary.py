"""Names of client properties: those that are followed, and why the others are not.

Used by `properties`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamlet_sdk.problems import Problem, closest

if TYPE_CHECKING:
    from collections.abc import Mapping

SASL: Final = frozenset({"sasl.jaas.config", "sasl.mechanism"})
TLS: Final = frozenset(
    {
        "ssl.enabled.protocols",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.password",
        "ssl.keystore.certificate.chain",
        "ssl.keystore.key",
        "ssl.keystore.location",
        "ssl.keystore.type",
        "ssl.truststore.certificates",
        "ssl.truststore.location",
        "ssl.truststore.type",
    }
)
_CONNECTION: Final = frozenset(
    {
        "connections.max.idle.ms",
        "metadata.max.age.ms",
        "request.timeout.ms",
        "retry.backoff.ms",
        "security.protocol",
    }
)
_CONSUMER: Final = frozenset(
    {
        "check.crcs",
        "client.rack",
        "fetch.max.bytes",
        "fetch.max.wait.ms",
        "fetch.min.bytes",
        "heartbeat.interval.ms",
        "max.partition.fetch.bytes",
        "max.poll.interval.ms",
        "session.timeout.ms",
    }
)
_PRODUCER: Final = frozenset(
    {
        "acks",
        "batch.size",
        "buffer.memory",
        "compression.type",
        "delivery.timeout.ms",
        "enable.idempotence",
        "max.request.size",
        "transaction.timeout.ms",
    }
)
KNOWN: Final = SASL | TLS | _CONNECTION | _CONSUMER | _PRODUCER

_JAVA: Final = "it concerns Kafka's own Java client"
_PEM: Final = "a store is read as PEM, which has no password but that of the key, ssl.key.password"
_LOGIN: Final = "user name and password are read from sasl.jaas.config"
_OAUTH: Final = "tokens of OAUTHBEARER cannot be fetched here"
_KERBEROS: Final = "GSSAPI is not possible here"
_BUFFERS: Final = "the operating system sizes the buffers of connections"
_PYTHON: Final = "Python's TLS library decides on it"
_RECONNECT: Final = "connecting is repeated with growing pauses, see retry.backoff.ms"

# Properties of Kafka's clients, and some of librdkafka, that somebody may bring along.
_WHY: Final[Mapping[str, str]] = {
    "allow.auto.create.topics": "topics are never made by reading them",
    "auto.commit.interval.ms": "offsets are committed when records are processed",
    "auto.offset.reset": "an inlet's start decides where reading begins",
    "bootstrap.servers": "a cluster's address is given beside its properties",
    "client.dns.lookup": "every address of a name is tried",
    "client.id": "it follows from the replica",
    "default.api.timeout.ms": "request.timeout.ms bounds every answer",
    "enable.auto.commit": "offsets are committed when records are processed",
    "exclude.internal.topics": "inlets name the topics that they read",
    "group.id": "an inlet's group follows from its application and streamlet",
    "group.instance.id": "it follows from the pod and the inlet",
    "group.protocol": "groups use the classic protocol",
    "interceptor.classes": _JAVA,
    "isolation.level": "an inlet reads committed records",
    "key.deserializer": "an inlet's type decides how it is read",
    "key.serializer": "an outlet's type decides how it is written",
    "linger.ms": "a batch is sent as soon as the one before is answered",
    "max.block.ms": "writing waits while the broker is away",
    "max.in.flight.requests.per.connection": "one batch of a partition is under way at a time",
    "max.poll.records": "an inlet's window bounds what is read",
    "metric.reporters": "metrics are served for Prometheus",
    "partition.assignment.strategy": "partitions are shared round robin",
    "partitioner.class": "keys are spread as Kafka's own clients do",
    "receive.buffer.bytes": _BUFFERS,
    "reconnect.backoff.max.ms": _RECONNECT,
    "reconnect.backoff.ms": _RECONNECT,
    "retries": "writing is repeated as long as it can help",
    "retry.backoff.max.ms": "pauses are bounded already",
    "sasl.client.callback.handler.class": _JAVA,
    "sasl.kerberos.service.name": _KERBEROS,
    "sasl.login.callback.handler.class": _JAVA,
    "sasl.login.class": _JAVA,
    "sasl.oauthbearer.token.endpoint.url": _OAUTH,
    "sasl.password": _LOGIN,
    "sasl.username": _LOGIN,
    "security.providers": _JAVA,
    "send.buffer.bytes": _BUFFERS,
    "socket.connection.setup.timeout.max.ms": "request.timeout.ms bounds connecting too",
    "socket.connection.setup.timeout.ms": "request.timeout.ms bounds connecting too",
    "ssl.ca.location": "Kafka's name for it is ssl.truststore.location, with ssl.truststore.type",
    "ssl.certificate.location": "Kafka's name for it is ssl.keystore.location, key and chain in it",
    "ssl.cipher.suites": _PYTHON,
    "ssl.engine.factory.class": _JAVA,
    "ssl.key.location": "Kafka's name for it is ssl.keystore.location, key and chain in it",
    "ssl.keymanager.algorithm": _JAVA,
    "ssl.keystore.password": _PEM,
    "ssl.protocol": "ssl.enabled.protocols names the versions of TLS",
    "ssl.provider": _JAVA,
    "ssl.secure.random.implementation": _JAVA,
    "ssl.trustmanager.algorithm": _JAVA,
    "ssl.truststore.password": _PEM,
    "transactional.id": "it follows from the group and the partition",
    "value.deserializer": "an inlet's type decides how it is read",
    "value.serializer": "an outlet's type decides how it is written",
}


@dataclass(frozen=True, kw_only=True)
class UnusableProperty(Problem):
    """A client property that has no effect here, or whose value cannot be used."""

    why: str
    advice: str = "Remove it."
    meant: str | None = None

    @property
    def sentence(self) -> str:
        """What is wrong, one sentence."""
        return f"This client property cannot be used: {self.why}."

    @property
    def remedy(self) -> str:
        """What to do about it, one sentence."""
        return self.advice

    @property
    def suggestion(self) -> str | None:
        """The property that was probably meant."""
        return self.meant


def unknown(name: str) -> UnusableProperty:
    """What is said of a property that is not followed."""
    if name in _WHY:
        return UnusableProperty(path=name, why=_WHY[name])
    why = "it is not known here, and would have no effect"
    return UnusableProperty(path=name, why=why, meant=closest(name, KNOWN))
