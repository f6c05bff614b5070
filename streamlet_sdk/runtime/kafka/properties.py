"""Client properties in Kafka's own names, read into settings; what has no meaning here is an error.

Used by the transport. Durations are `timedelta`; milliseconds appear at aiokafka's edge alone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ssl import TLSVersion
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.runtime.kafka import security
from streamlet_sdk.runtime.kafka.vocabulary import KNOWN, SASL, TLS, UnusableProperty, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from ssl import SSLContext

    from streamlet_sdk.problems import Problem

_MEBIBYTE: Final = 1024 * 1024
_REQUEST: Final = timedelta(seconds=10)
_CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")

_SERVER: Final = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.%\w]+\]):\d{1,5}")
_MOST: Final = 2**31 - 1
_VERSIONS: Final = {"TLSv1.2": TLSVersion.TLSv1_2, "TLSv1.3": TLSVersion.TLSv1_3}


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
        delivery: how long a batch may wait for its acknowledgement.
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
        self._problems: list[Problem] = [unknown(name) for name in given if name not in KNOWN]

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
                self._duration("retry.backoff.ms", timedelta(milliseconds=100), least=0)
            ),
            "metadata_max_age_ms": milliseconds(
                self._duration("metadata.max.age.ms", timedelta(seconds=30))
            ),
            "connections_max_idle_ms": milliseconds(
                self._duration("connections.max.idle.ms", timedelta(minutes=9))
            ),
            "security_protocol": protocol,
        }
        arguments.update(self._sasl(protocol))
        if (tls := self._tls(protocol)) is not None:
            arguments["ssl_context"] = tls
        self.check()
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
            fetch_wait=self._duration("fetch.max.wait.ms", timedelta(milliseconds=50), least=0),
            check_crcs=self._one_of("check.crcs", ("true", "false"), "true") == "true",
            rack=self._given.get("client.rack"),
        )
        if made.heartbeat >= made.session:
            why = "it is not shorter than session.timeout.ms"
            self._bad("heartbeat.interval.ms", why, "A third of the session or less is usual.")
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

    def verify(self) -> None:
        """Read everything, files of certificates too, and say all that cannot be used.

        Raises:
            ConfigurationError: when there is anything.
        """
        for read in (self.connection, self.consumer, self.producer):
            with suppress(ConfigurationError):
                read()
        self.check()

    def check(self) -> None:
        """Say what cannot be used.

        Raises:
            ConfigurationError: when there is anything.
        """
        if self._problems:
            raise ConfigurationError(self._problems)

    def _sasl(self, protocol: str) -> dict[str, str]:
        """Arguments that say who this is."""
        if not protocol.startswith("SASL"):
            self._without_effect(SASL, protocol)
            return {}
        mechanism = self._one_of("sasl.mechanism", security.MECHANISMS, None)
        jaas = self._given.get("sasl.jaas.config")
        if jaas is None:
            self._bad("sasl.jaas.config", "it is missing", "Set it: the protocol uses SASL.")
            return {}
        login = security.credentials(jaas)
        if isinstance(login, security.Unusable):
            self._bad(*login)
            return {}
        user, password = login
        return {
            "sasl_mechanism": mechanism,
            "sasl_plain_username": user,
            "sasl_plain_password": password,
        }

    def _tls(self, protocol: str) -> SSLContext | None:
        """How to encrypt, if this is to be."""
        if not protocol.endswith("SSL"):
            self._without_effect(TLS, protocol)
            return None
        before = len(self._problems)
        self._pem("ssl.truststore.type")
        self._pem("ssl.keystore.type")
        self._one_of("ssl.endpoint.identification.algorithm", ("https", ""), "https")
        versions = self._listed("ssl.enabled.protocols", tuple(_VERSIONS))
        if len(self._problems) > before:
            return None
        made = security.context(self._given)
        if isinstance(made, security.Unusable):
            self._bad(*made)
            return None
        made.minimum_version = _VERSIONS[min(versions)]
        made.maximum_version = _VERSIONS[max(versions)]
        return made

    def _without_effect(self, names: AbstractSet[str], protocol: str) -> None:
        why = f"it has no effect while security.protocol is {protocol}"
        for name in sorted(names & self._given.keys()):
            self._bad(name, why, "Remove it, or set security.protocol.")

    def _duration(self, name: str, default: timedelta, *, least: int = 1) -> timedelta:
        read = self._number(name, milliseconds(default), least=least, form="milliseconds")
        return timedelta(milliseconds=read)

    def _number(
        self, name: str, default: int, *, least: int = 1, form: str = "a whole number"
    ) -> int:
        text = self._given.get(name, str(default))
        if text.isdecimal() and least <= int(text) <= _MOST:
            return int(text)
        self._bad(name, f"{text!r} is not {form} from {least} on", f"Write {form}.")
        return default

    def _listed(self, name: str, known: Sequence[str]) -> list[str]:
        """The ones of `known` that are given, separated by commas; all when none are."""
        words = [word.strip() for word in self._given.get(name, ",".join(known)).split(",")]
        if not set(words) <= set(known):
            text = self._given[name]
            self._bad(name, f"{text!r} is not possible here", f"Use {' or '.join(known)}.")
        return words

    def _one_of(self, name: str, known: Iterable[str], default: str | None) -> str:
        """One of `known`; it has to be given when there is no default."""
        values = tuple(known)
        text = self._given.get(name, default)
        named = " or ".join(value or "an empty text" for value in values)
        if text is None:
            self._bad(name, "it is missing", f"Set it: {named}.")
        elif text not in values:
            self._bad(name, f"{text!r} is not possible here", f"Use {named}.")
        else:
            return text
        return default or values[0]

    def _pem(self, name: str) -> None:
        location = name.replace(".type", ".location")
        type_ = self._given.get(name, "PEM" if location not in self._given else "JKS")
        if type_ != "PEM":
            advice = f"Export it (keytool, openssl pkcs12) and set {name} to PEM."
            self._bad(name, f"a store of type {type_} cannot be read", advice)

    def _bad(self, name: str, why: str, advice: str) -> None:
        problem = UnusableProperty(path=name, why=why, advice=advice)
        if problem not in self._problems:
            self._problems.append(problem)


def servers(bootstrap: str) -> str:
    """`bootstrap.servers` without blanks.

    Raises:
        ConfigurationError: when it is not `host:port`, or several of them.
    """
    each = [word.strip() for word in bootstrap.split(",")]
    if wrong := [word for word in each if not _SERVER.fullmatch(word)]:
        why = f"{wrong[0]!r} is not host:port"
        advice = "Write host:port, several separated by commas."
        raise ConfigurationError(
            [UnusableProperty(path="bootstrap.servers", why=why, advice=advice)]
        )
    return ",".join(each)


def milliseconds(duration: timedelta) -> int:
    """A duration as Kafka counts."""
    return round(duration / timedelta(milliseconds=1))
