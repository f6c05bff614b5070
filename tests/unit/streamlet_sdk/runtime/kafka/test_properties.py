"""Client properties in Kafka's names: followed, or refused by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.kafka.properties import Properties, milliseconds, servers
from streamlet_sdk.runtime.kafka.vocabulary import KNOWN, SASL, TLS

# Every property that is no matter of security, with another value than its default, where it is to
# be found, and what is to be there.
FOLLOWED: dict[str, tuple[str, str, Any]] = {
    "acks": ("-1", "producer.request", timedelta(seconds=10)),
    "batch.size": ("1000", "producer.batch_bytes", 1000),
    "buffer.memory": ("1000", "producer.buffer_bytes", 1000),
    "check.crcs": ("false", "consumer.check_crcs", False),
    "client.rack": ("a", "consumer.rack", "a"),
    "compression.type": ("gzip", "producer.compression", "gzip"),
    "connections.max.idle.ms": ("7", "connection.connections_max_idle_ms", 7),
    "delivery.timeout.ms": ("7", "producer.delivery", timedelta(milliseconds=7)),
    "enable.idempotence": ("true", "producer.request", timedelta(seconds=10)),
    "fetch.max.bytes": ("7", "consumer.fetch_max_bytes", 7),
    "fetch.max.wait.ms": ("0", "consumer.fetch_wait", timedelta(0)),
    "fetch.min.bytes": ("7", "consumer.fetch_min_bytes", 7),
    "heartbeat.interval.ms": ("7", "consumer.heartbeat", timedelta(milliseconds=7)),
    "max.partition.fetch.bytes": ("7", "consumer.fetch_partition_bytes", 7),
    "max.poll.interval.ms": ("7", "consumer.rebalance", timedelta(milliseconds=7)),
    "max.request.size": ("7", "producer.largest_bytes", 7),
    "metadata.max.age.ms": ("7", "connection.metadata_max_age_ms", 7),
    "request.timeout.ms": ("7", "connection.request_timeout_ms", 7),
    "retry.backoff.ms": ("0", "connection.retry_backoff_ms", 0),
    "security.protocol": ("PLAINTEXT", "connection.security_protocol", "PLAINTEXT"),
    "session.timeout.ms": ("6500", "consumer.session", timedelta(seconds=6.5)),
    "transaction.timeout.ms": ("7", "producer.transaction", timedelta(milliseconds=7)),
}


def problems(**properties: str) -> list[str]:
    """What is said of the properties, `session_timeout_ms` for `session.timeout.ms`."""
    read = Properties({name.replace("_", "."): value for name, value in properties.items()})
    with pytest.raises(ConfigurationError) as caught:
        read.verify()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", sorted(KNOWN - SASL - TLS))
def test_a_property_is_followed(name: str) -> None:
    value, where, expected = FOLLOWED[name]
    part, _, attribute = where.partition(".")
    read = getattr(Properties({name: value}), part)()
    assert (read[attribute] if part == "connection" else getattr(read, attribute)) == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("session.timeout", "Did you mean 'session.timeout.ms'?"),
        ("auto.offset.reset", "an inlet's start decides"),
        ("linger.ms", "a batch is sent as soon as"),
        ("isolation.level", "reads committed records"),
        ("ssl.truststore.password", "ssl.key.password"),
        ("ssl.ca.location", "Kafka's name for it is ssl.truststore.location"),
        ("sasl.username", "are read from sasl.jaas.config"),
        ("value.serializer", "an outlet's type decides"),
    ],
)
def test_a_property_without_effect_is_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        KafkaTransport("localhost:9092", {name: "1"})
    assert str(caught.value).startswith(f"{name}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("acks", "1", "Use all or -1."),
        ("compression.type", "zip", "Use none or gzip"),
        ("session.timeout.ms", "10s", "'10s' is not milliseconds"),
        ("request.timeout.ms", "-1", "'-1' is not milliseconds from 1 on"),
        ("fetch.max.bytes", "5000000000", "'5000000000' is not a whole number"),
        ("heartbeat.interval.ms", "10000", "it is not shorter than session.timeout.ms"),
        ("enable.idempotence", "false", "Use true."),
        ("security.protocol", "TLS", "Use PLAINTEXT or SSL"),
    ],
)
def test_a_value_that_cannot_be_followed_is_refused(name: str, value: str, said: str) -> None:
    [problem] = problems(**{name.replace(".", "_"): value})
    assert problem.startswith(name)
    assert said in problem


def test_all_problems_are_said_at_once_and_once() -> None:
    given = {"retries": "3", "colour": "red", "request.timeout.ms": "soon", "acks": "0"}
    with pytest.raises(ConfigurationError) as caught:
        KafkaTransport("localhost:9092", given)
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["retries", "colour", "request.timeout.ms", "acks"]


@pytest.mark.parametrize("bootstrap", ["", "localhost", "localhost:http", "a:1,,b:2", "http://a:1"])
def test_what_is_no_server_is_refused(bootstrap: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^bootstrap\.servers: .* is not host:port"):
        KafkaTransport(bootstrap)


@pytest.mark.parametrize("bootstrap", ["a:1", "a-1.b_c:9092,[::1]:9093", "10.0.0.1:1"])
def test_servers_are_hosts_with_ports(bootstrap: str) -> None:
    assert servers(bootstrap.replace(",", " , ")) == bootstrap


def test_milliseconds_are_whole() -> None:
    assert milliseconds(timedelta(microseconds=1999)) == 2
