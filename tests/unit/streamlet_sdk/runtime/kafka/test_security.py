"""Who a client says it is, and whom it trusts: read from properties, without a broker."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.kafka.properties import Properties
from streamlet_sdk.runtime.kafka.security import Unusable, credentials
from testbed.certificates import Authority
from testbed.secure_kafka import quoted

if TYPE_CHECKING:
    from pathlib import Path

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
LOGIN = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": f'{SCRAM} required username="ann" password="a \\"b\\"; c";',
}
SECRET = "do-not-show-me"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def problem(properties: dict[str, str]) -> str:
    """The one thing that is wrong with the properties."""
    with pytest.raises(ConfigurationError) as caught:
        KafkaTransport("localhost:9092", properties)
    [only] = caught.value.problems
    return str(only)


def tls(**more: str) -> dict[str, str]:
    """Properties of a TLS client, `ssl_key_password` for `ssl.key.password`."""
    named = {name.replace("_", "."): value for name, value in more.items()}
    return {"security.protocol": "SSL", **named}


def test_credentials_come_from_the_jaas_text() -> None:
    arguments = Properties(LOGIN).connection()
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert arguments["sasl_plain_username"] == "ann"
    assert arguments["sasl_plain_password"] == 'a "b"; c'


@given(st.text(min_size=1), st.text())
def test_whatever_is_quoted_is_read_as_it_was(user: str, password: str) -> None:
    text = f"{SCRAM} required username={quoted(user)} password={quoted(password)};"
    assert credentials(text) == (user, password)


@pytest.mark.parametrize(
    "options",
    [
        "username=ann password=secret;",
        "\n  username='ann'\n  password='secret'\n;",
        'serviceName="kafka" password=secret username=ann user_bob="other";',
    ],
)
def test_a_jaas_text_may_be_written_in_other_ways(options: str) -> None:
    assert credentials(f"{SCRAM} required {options}") == ("ann", "secret")


@pytest.mark.parametrize(
    "jaas",
    [
        "com.example.LoginModule required;",
        f'{SCRAM} required username="ann";',
        f'{SCRAM} required username="ann" password="{SECRET};',
        f'username="ann" password="{SECRET}";',
        "",
    ],
)
def test_a_jaas_text_without_credentials_is_refused_without_being_shown(jaas: str) -> None:
    said = problem({**LOGIN, "sasl.jaas.config": jaas})
    assert said.startswith("sasl.jaas.config: ")
    assert isinstance(credentials(jaas), Unusable)
    assert SECRET not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sasl.jaas.config", "it is missing"),
        ("sasl.mechanism", "it is missing"),
    ],
)
def test_sasl_names_what_is_missing(name: str, said: str) -> None:
    assert problem({key: value for key, value in LOGIN.items() if key != name}).startswith(
        f"{name}: This client property cannot be used: {said}"
    )


@pytest.mark.parametrize("mechanism", ["GSSAPI", "OAUTHBEARER", "scram-sha-256"])
def test_other_mechanisms_are_refused(mechanism: str) -> None:
    said = problem({**LOGIN, "sasl.mechanism": mechanism})
    assert said.startswith("sasl.mechanism: ")
    assert "Use PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512." in said


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("PLAINTEXT", "ssl.truststore.location"),
        ("PLAINTEXT", "sasl.jaas.config"),
        ("SSL", "sasl.mechanism"),
    ],
)
def test_security_that_the_protocol_does_not_use_is_refused(protocol: str, name: str) -> None:
    said = problem({"security.protocol": protocol, name: "x"})
    assert said.startswith(f"{name}: ")
    assert f"no effect while security.protocol is {protocol}" in said


@pytest.mark.parametrize("store", ["ssl.keystore", "ssl.truststore"])
@pytest.mark.parametrize("kind", [None, "JKS", "PKCS12"])
def test_a_java_store_is_refused_with_the_way_out(store: str, kind: str | None) -> None:
    given_type = {f"{store}.type": kind} if kind else {}
    said = problem({**tls(), f"{store}.location": "client.jks", **given_type})
    assert said.startswith(f"{store}.type: ")
    assert "Export it (keytool, openssl pkcs12)" in said


def test_a_trust_store_is_all_that_is_trusted(authority: Authority) -> None:
    context = Properties(tls(ssl_truststore_certificates=authority.pem)).connection()["ssl_context"]
    assert len(context.get_ca_certs()) == 1


def test_an_empty_algorithm_turns_the_check_of_host_names_off() -> None:
    strict = Properties(tls()).connection()["ssl_context"]
    loose = Properties(tls(ssl_endpoint_identification_algorithm="")).connection()["ssl_context"]
    assert (strict.check_hostname, loose.check_hostname) == (True, False)
    assert loose.verify_mode == ssl.CERT_REQUIRED


def test_versions_of_tls_are_followed() -> None:
    context = Properties(tls(ssl_enabled_protocols="TLSv1.3")).connection()["ssl_context"]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert "ssl.enabled.protocols" in problem(tls(ssl_enabled_protocols="TLSv1.3,SSLv3"))


@pytest.mark.parametrize(
    ("more", "name", "said"),
    [
        ({"ssl_truststore_location": "/no/such/file.pem"}, "ssl.truststore.location", "no such"),
        ({"ssl_truststore_certificates": SECRET}, "ssl.truststore.certificates", "cannot be read"),
        ({"ssl_keystore_location": "/no/such/file.pem"}, "ssl.keystore.location", "no such"),
        ({"ssl_keystore_key": SECRET}, "ssl.keystore.certificate.chain", "it is missing"),
        ({"ssl_keystore_certificate_chain": SECRET}, "ssl.keystore.key", "it is missing"),
    ],
)
def test_certificates_that_cannot_be_read_are_named(
    more: dict[str, str], name: str, said: str
) -> None:
    types = {"ssl_truststore_type": "PEM", "ssl_keystore_type": "PEM"}
    text = problem(tls(**more, **types))
    assert text.startswith(f"{name}: ")
    assert said in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ({}, "ssl.key.password: This client property cannot be used: it is missing"),
        ({"ssl_key_password": "wrong"}, "ssl.key.password: This client property cannot be used"),
    ],
)
def test_a_locked_key_asks_for_its_password_and_not_at_the_terminal(
    authority: Authority, password: dict[str, str], said: str
) -> None:
    locked = authority.identity("client", password="right")
    given_key = {"ssl_keystore_key": locked.key, "ssl_keystore_certificate_chain": locked.chain}
    text = problem(tls(**given_key, **password))
    assert text.startswith(said)
    assert "wrong" not in text


def test_a_key_that_is_given_twice_is_refused(authority: Authority, tmp_path: Path) -> None:
    identity = authority.identity("client")
    file = tmp_path / "client.pem"
    file.write_text(identity.pem)
    both = tls(
        ssl_keystore_type="PEM",
        ssl_keystore_location=str(file),
        ssl_keystore_key=identity.key,
        ssl_keystore_certificate_chain=identity.chain,
    )
    assert problem(both).startswith("ssl.keystore.key: ")


def test_nothing_that_is_made_of_properties_shows_them() -> None:
    transport = KafkaTransport("localhost:9092", LOGIN)
    shown = [repr(transport), repr(transport._maker(transport._with(None)))]
    assert not [text for text in shown if 'a "b"' in text]
