"""Client properties in Kafka's names: followed, or refused by name."""

from __future__ import annotations

import pytest

from streamlet_sdk.errors import ConfigurationError, RejectedError
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.kafka.properties import Properties, milliseconds
from streamlet_sdk.runtime.kafka.security import credentials

JAAS = (
    "org.apache.kafka.common.security.scram.ScramLoginModule required "
    'username="ann" password="a \\"b\\"; c";'
)


def problems(**properties: str) -> list[str]:
    """What is said of the properties, `session_timeout_ms` for `session.timeout.ms`."""
    read = Properties({name.replace("_", "."): value for name, value in properties.items()})
    with pytest.raises(ConfigurationError) as caught:
        (read.connection(), read.consumer(), read.producer())
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("session.timeout", "Did you mean 'session.timeout.ms'?"),
        ("auto.offset.reset", "an inlet's start decides"),
        ("linger.ms", "a batch is sent as soon as"),
        ("isolation.level", "reads committed records"),
    ],
)
def test_a_property_without_effect_is_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        KafkaTransport("localhost:9092", {name: "1"})
    assert name in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("acks", "1", "Use all or -1."),
        ("compression.type", "zip", "Use none or gzip"),
        ("session.timeout.ms", "10s", "'10s' is not milliseconds"),
        ("sasl.mechanism", "GSSAPI", "Use PLAIN or SCRAM"),
        ("enable.idempotence", "false", "Use true."),
    ],
)
def test_a_value_that_cannot_be_followed_is_refused(name: str, value: str, said: str) -> None:
    [problem] = problems(**{name.replace(".", "_"): value})
    assert problem.startswith(name)
    assert said in problem


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        KafkaTransport("localhost:9092", {"retries": "3", "colour": "red"})
    assert [problem.path for problem in caught.value.problems] == ["retries", "colour"]


def test_a_java_key_store_is_refused_with_the_way_out() -> None:
    [problem] = problems(security_protocol="SSL", ssl_keystore_location="client.jks")
    assert problem.startswith("ssl.keystore.type")
    assert "PEM" in problem


def test_sasl_without_credentials_names_what_is_missing() -> None:
    [problem] = problems(security_protocol="SASL_PLAINTEXT")
    assert problem.startswith("sasl.jaas.config: ")


def test_credentials_come_from_the_jaas_text() -> None:
    arguments = Properties(
        {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": JAAS,
        }
    ).connection()
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == (
        "ann",
        'a "b"; c',
    )


def test_a_jaas_text_without_credentials_is_refused() -> None:
    with pytest.raises(RejectedError, match="no username and password"):
        credentials("com.example.LoginModule required;")


def test_an_empty_algorithm_turns_the_check_of_host_names_off() -> None:
    given = {"security.protocol": "SSL"}
    strict = Properties(given).connection()["ssl_context"]
    given["ssl.endpoint.identification.algorithm"] = ""
    loose = Properties(given).connection()["ssl_context"]
    assert (strict.check_hostname, loose.check_hostname) == (True, False)


def test_a_missing_certificate_file_is_said_with_what_to_check() -> None:
    given = {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/no/such/file.pem",
    }
    with pytest.raises(RejectedError, match=r"ssl\.truststore") as caught:
        Properties(given).connection()
    assert caught.value.hint is not None


def test_durations_and_sizes_are_read_in_kafkas_units() -> None:
    given = {"session.timeout.ms": "6500", "batch.size": "1000", "compression.type": "none"}
    read = Properties(given)
    assert milliseconds(read.consumer().session) == 6500
    assert (read.producer().batch_bytes, read.producer().compression) == (1000, None)
