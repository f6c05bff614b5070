"""Client properties in Kafka's own names, read into settings; what has no meaning here is an error.

Used by the transport. Durations are `timedelta`; milliseconds appear at aiokafka's edge alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.problems import Problem, closest
from streamlet_sdk.runtime.kafka import security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

_MEBIBYTE: Final = 1024 * 1024
_REQUEST: Final = timedelta(seconds=10)
_CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")

_CONNECTION: Final = frozenset(
    {
        "connections.max.idle.ms",
        "metadata.max.age.ms",
        "request.timeout.ms",
        "retry.backoff.ms",
        "sasl.jaas.config",
        "sasl.mechanism",
        "security.protocol",
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
_KNOWN: Final = _CONNECTION | _CONSUMER | _PRODUCER

_OURS: Final[Mapping[str, str]] = {
    "bootstrap.servers": "a cluster's address is given beside its properties",
    "client.id": "it follows from the replica",
    "auto.offset.reset": "an inlet's start decides where reading begins",
    "enable.auto.commit": "offsets are committed when records are processed",
    "group.id": "an inlet's group follows from its application and streamlet",
    "group.instance.id": "it follows from the pod and the inlet",
    "isolation.level": "an inlet reads committed records",
    "linger.ms": "a batch is sent as soon as the one before is answered",
    "max.in.flight.requests.per.connection": "one batch of a partition is under way at a time",
    "max.poll.records": "an inlet's window bounds what is read",
    "partition.assignment.strategy": "partitions are shared round robin",
    "retries": "writing is repeated until delivery.timeout.ms",
    "transactional.id": "it follows from the group and the partition",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings:
    """How a consumer reads.

    Attributes:
        session: after this long without a heartbeat a member counts as dead.
        rebalance: how long members may take to give their partitions back.
    """

    session: timedelta
    heartbeat: timedelta
    rebalance: timedelta
    fetch_min_bytes: int
    fetch_max_bytes: int
    fetch_partition_bytes: int
    fetch_wait: timedelta
    check_crcs: bool
    rack: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerSettings:
    """How a producer writes.

    Attributes:
        request: how long a broker may take to answer.
        delivery: how long a batch may wait for a leader of its partition.
        transaction: after this long the broker aborts an open transaction.
    """

    batch_bytes: int
    buffer_bytes: int
    largest_bytes: int
    compression: str | None
    request: timedelta
    delivery: timedelta
    transaction: timedelta


class Properties:
    """Client properties, by name; every value is read once, and all problems are kept."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """Keep `given`."""
        self._given = given
        self._problems: list[Problem] = [_unknown(name) for name in given if name not in _KNOWN]

    def connection(self) -> dict[str, Any]:
        """Arguments of aiokafka's client.

        Raises:
            ConfigurationError: when a property cannot be used; with all that cannot.
        """
        timeout = self._duration("request.timeout.ms", _REQUEST)
        protocol = self._one_of("security.protocol", security.PROTOCOLS, "PLAINTEXT")
        arguments: dict[str, Any] = {
            "request_timeout_ms": milliseconds(timeout),
            "retry_backoff_ms": milliseconds(
                self._duration("retry.backoff.ms", timedelta(milliseconds=100))
            ),
            "metadata_max_age_ms": milliseconds(
                self._duration("metadata.max.age.ms", timedelta(seconds=30))
            ),
            "connections_max_idle_ms": milliseconds(
                self._duration("connections.max.idle.ms", timedelta(minutes=9))
            ),
            "security_protocol": protocol,
        }
        for store in ("ssl.truststore.type", "ssl.keystore.type"):
            self._pem(store, used=protocol in {"SSL", "SASL_SSL"})
        mechanism = self._one_of("sasl.mechanism", security.MECHANISMS, "PLAIN")
        if protocol.startswith("SASL") and "sasl.jaas.config" not in self._given:
            self._bad("sasl.jaas.config", "it is missing", "Set it: the protocol uses SASL.")
        self.check()
        if protocol.startswith("SASL"):
            user, password = security.credentials(self._given["sasl.jaas.config"])
            arguments["sasl_mechanism"] = mechanism
            arguments["sasl_plain_username"] = user
            arguments["sasl_plain_password"] = password
        if protocol.endswith("SSL"):
            arguments["ssl_context"] = security.context(self._given)
        return arguments

    def consumer(self) -> ConsumerSettings:
        """What concerns consumers.

        Raises:
            ConfigurationError: when a property cannot be used; with all that cannot.
        """
        made = ConsumerSettings(
            session=self._duration("session.timeout.ms", timedelta(seconds=10)),
            heartbeat=self._duration("heartbeat.interval.ms", timedelta(milliseconds=500)),
            rebalance=self._duration("max.poll.interval.ms", timedelta(seconds=15)),
            fetch_min_bytes=self._number("fetch.min.bytes", 1),
            fetch_max_bytes=self._number("fetch.max.bytes", 8 * _MEBIBYTE),
            fetch_partition_bytes=self._number("max.partition.fetch.bytes", _MEBIBYTE),
            fetch_wait=self._duration("fetch.max.wait.ms", timedelta(milliseconds=50)),
            check_crcs=self._one_of("check.crcs", ("true", "false"), "true") == "true",
            rack=self._given.get("client.rack"),
        )
        self.check()
        return made

    def producer(self) -> ProducerSettings:
        """What concerns producers and lanes.

        Raises:
            ConfigurationError: when a property cannot be used; with all that cannot.
        """
        self._one_of("acks", ("all", "-1"), "all")
        self._one_of("enable.idempotence", ("true",), "true")
        codec = self._one_of("compression.type", _CODECS, "zstd")
        made = ProducerSettings(
            batch_bytes=self._number("batch.size", _MEBIBYTE),
            buffer_bytes=self._number("buffer.memory", 32 * _MEBIBYTE),
            largest_bytes=self._number("max.request.size", _MEBIBYTE),
            compression=None if codec == "none" else codec,
            request=self._duration("request.timeout.ms", _REQUEST),
            delivery=self._duration("delivery.timeout.ms", timedelta(minutes=2)),
            transaction=self._duration("transaction.timeout.ms", timedelta(seconds=10)),
        )
        self.check()
        return made

    def check(self) -> None:
        """Say what cannot be used.

        Raises:
            ConfigurationError: when there is anything.
        """
        if self._problems:
            raise ConfigurationError(self._problems)

    def _duration(self, name: str, default: timedelta) -> timedelta:
        return self._read(
            name, lambda text: timedelta(milliseconds=int(text)), default, "milliseconds"
        )

    def _number(self, name: str, default: int) -> int:
        return self._read(name, int, default, "a whole number")

    def _one_of(self, name: str, known: Iterable[str], default: str) -> str:
        values = tuple(known)
        text = self._given.get(name, default)
        if text not in values:
            self._bad(name, f"{text!r} is not possible here", f"Use {' or '.join(values)}.")
            return default
        return text

    def _read(self, name: str, read: Callable[[str], T], default: T, form: str) -> T:
        if name not in self._given:
            return default
        try:
            return read(self._given[name])
        except (ValueError, OverflowError):
            self._bad(name, f"{self._given[name]!r} is not {form}", f"Write {form}.")
            return default

    def _pem(self, name: str, *, used: bool) -> None:
        location = name.replace(".type", ".location")
        type_ = self._given.get(name, "PEM" if location not in self._given else "JKS")
        if used and type_ != "PEM":
            advice = f"Export it (keytool, openssl pkcs12) and set {name} to PEM."
            self._bad(name, f"a store of type {type_} cannot be read", advice)

    def _bad(self, name: str, why: str, advice: str) -> None:
        self._problems.append(UnusableProperty(path=name, why=why, advice=advice))


def milliseconds(duration: timedelta) -> int:
    """A duration as Kafka counts."""
    return round(duration / timedelta(milliseconds=1))


def _unknown(name: str) -> Problem:
    if name in _OURS:
        return UnusableProperty(path=name, why=_OURS[name])
    why = "it is not known here, and would have no effect"
    return UnusableProperty(path=name, why=why, meant=closest(name, _KNOWN))
