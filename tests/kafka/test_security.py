"""Proving who one is to real listeners, and what is said when that fails: one line, in bounds."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import DeniedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka import KafkaTransport
from support.transport import PATIENCE, Row, World, send
from testbed.secure_kafka import PASSWORDS, SCRAM, SecureKafka, jaas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MECHANISMS = ("PLAIN", *SCRAM)


async def works(bootstrap: str, properties: Mapping[str, str]) -> None:
    """Make a topic, write with and without a transaction, read in a group, commit."""
    async with World(lambda client: KafkaTransport(bootstrap, properties, client=client)) as world:
        topic = await world.topic()
        await world.write(topic, b"first")
        lane = await world.lane(world.name("lane"))
        await lane.begin()
        await send(lane, topic, Row(b"second"))
        await lane.commit({}, None, asyncio.get_running_loop().time() + PATIENCE)
        reader = await world.reader(topic, world.name("group"))
        [claim] = await reader.opened(1)
        assert await reader.values(2) == [b"first", b"second"]
        until = asyncio.get_running_loop().time() + PATIENCE
        assert await reader.consumer.commit({claim: 2}, until) == {claim}


async def refusal(bootstrap: str, properties: Mapping[str, str]) -> TransportError:
    """What is said instead of connecting."""
    transport = KafkaTransport(bootstrap, {"request.timeout.ms": "5000", **properties})
    try:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(TransportError) as caught:
                await transport.producer()
    finally:
        await transport.close()
    said = f"{caught.value} {caught.value.hint}"
    assert "\n" not in said
    assert caught.value.hint
    assert not [secret for secret in PASSWORDS.values() if secret in said]
    return caught.value


# What works


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_user_logs_in(secure: SecureKafka, mechanism: str) -> None:
    await works(secure.at("SASL_PLAINTEXT"), secure.plain(mechanism=mechanism))


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_user_logs_in_over_tls(secure: SecureKafka, mechanism: str) -> None:
    properties = {**secure.tls(), **secure.plain(mechanism=mechanism)}
    await works(secure.at("SASL_SSL"), {**properties, "security.protocol": "SASL_SSL"})


async def test_a_broker_is_trusted_by_a_text(secure: SecureKafka) -> None:
    await works(secure.at("SSL"), secure.tls())


async def test_a_broker_is_trusted_by_a_file(secure: SecureKafka, tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    file.write_text(secure.authority.pem)
    properties = {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(file),
        "ssl.enabled.protocols": "TLSv1.2",
    }
    await works(secure.at("SSL"), properties)


@pytest.mark.parametrize("password", [None, "of the key"])
async def test_a_client_shows_a_certificate_given_as_texts(
    secure: SecureKafka, password: str | None
) -> None:
    identity = secure.authority.identity("client", password=password)
    properties = secure.tls(
        ssl_keystore_type="PEM",
        ssl_keystore_key=identity.key,
        ssl_keystore_certificate_chain=identity.chain,
    )
    more = {"ssl.key.password": password} if password else {}
    await works(secure.at("MUTUAL"), {**properties, **more})


async def test_a_client_shows_a_certificate_from_a_file(
    secure: SecureKafka, tmp_path: Path
) -> None:
    file = tmp_path / "client.pem"
    file.write_text(secure.authority.identity("client", password="of the key").pem)
    properties = secure.tls(
        ssl_keystore_type="PEM", ssl_keystore_location=str(file), ssl_key_password="of the key"
    )
    await works(secure.at("MUTUAL"), properties)


async def test_the_check_of_the_host_can_be_turned_off(secure: SecureKafka) -> None:
    properties = {**secure.tls(), "ssl.endpoint.identification.algorithm": ""}
    await works(secure.at("ELSEWHERE"), properties)


async def test_every_other_property_of_a_connection_is_followed(secure: SecureKafka) -> None:
    properties = {
        "check.crcs": "false",
        "client.rack": "a",
        "compression.type": "gzip",
        "connections.max.idle.ms": "60000",
        "metadata.max.age.ms": "1000",
        "request.timeout.ms": "20000",
        "retry.backoff.ms": "50",
        "session.timeout.ms": "7000",
    }
    await works(secure.at("SASL_PLAINTEXT"), {**secure.plain(), **properties})


# What does not


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_wrong_password_is_denied(secure: SecureKafka, mechanism: str) -> None:
    wrong = {"sasl.jaas.config": jaas("ann", mechanism, password="guessed")}
    properties = {**secure.plain(mechanism=mechanism), **wrong}
    error = await refusal(secure.at("SASL_PLAINTEXT"), properties)
    assert isinstance(error, DeniedError)
    assert "SASL Authentication failed" in str(error)
    assert "guessed" not in str(error)
    assert error.hint == "check sasl.jaas.config and sasl.mechanism"


async def test_a_mechanism_that_is_not_offered_is_denied(secure: SecureKafka) -> None:
    error = await refusal(secure.at("SCRAM_ONLY"), secure.plain(mechanism="PLAIN"))
    assert isinstance(error, DeniedError)
    assert "does not offer this SASL mechanism" in str(error)
    assert "sasl.mechanism" in str(error.hint)


async def test_a_login_where_there_is_none_is_denied(secure: SecureKafka) -> None:
    error = await refusal(secure.at("PLAINTEXT"), secure.plain())
    assert isinstance(error, DeniedError)
    assert "the listener does not use SASL" in str(error)
    assert "security.protocol" in str(error.hint)


async def test_an_authority_that_is_not_trusted_is_denied(secure: SecureKafka) -> None:
    error = await refusal(secure.at("SSL"), {"security.protocol": "SSL"})
    assert isinstance(error, DeniedError)
    assert "certificate is not accepted: unable to get local issuer" in str(error)
    assert "ssl.truststore" in str(error.hint)


async def test_a_certificate_of_another_host_is_denied(secure: SecureKafka) -> None:
    error = await refusal(secure.at("ELSEWHERE"), secure.tls())
    assert isinstance(error, DeniedError)
    assert "not valid for '127.0.0.1'" in str(error)
    assert "ssl.endpoint.identification.algorithm" in str(error.hint)


async def test_a_client_without_a_certificate_is_told_to_have_one(secure: SecureKafka) -> None:
    # The broker's alert may be overtaken by the end of the connection; one of a few gets through.
    errors = [await refusal(secure.at("MUTUAL"), secure.tls()) for _ in range(5)]
    denied = [error for error in errors if isinstance(error, DeniedError)]
    assert denied
    assert "bad certificate" in str(denied[0])
    assert "ssl.keystore" in str(denied[0].hint)


async def test_a_certificate_of_another_authority_is_denied(secure: SecureKafka) -> None:
    identity = type(secure.authority)().identity("client")
    properties = secure.tls(
        ssl_keystore_type="PEM",
        ssl_keystore_key=identity.key,
        ssl_keystore_certificate_chain=identity.chain,
    )
    errors = [await refusal(secure.at("MUTUAL"), properties) for _ in range(5)]
    assert [error for error in errors if isinstance(error, DeniedError)]


@pytest.mark.parametrize(
    ("listener", "protocol"),
    [
        ("SSL", "PLAINTEXT"),
        ("SASL_SSL", "SASL_PLAINTEXT"),
        ("PLAINTEXT", "SSL"),
        ("SASL_PLAINTEXT", "SASL_SSL"),
        ("SASL_PLAINTEXT", "PLAINTEXT"),
    ],
)
async def test_a_listener_that_speaks_otherwise_is_said(
    secure: SecureKafka, listener: str, protocol: str
) -> None:
    login = secure.plain() if protocol.startswith("SASL") else {}
    tls = secure.tls() if protocol.endswith("SSL") else {}
    error = await refusal(secure.at(listener), {**login, **tls, "security.protocol": protocol})
    assert isinstance(error, UnavailableError)
    assert secure.at(listener) in str(error)
    assert f"its listener speaks {protocol} (security.protocol)" in str(error.hint)


async def test_one_broker_that_can_be_used_is_enough(secure: SecureKafka) -> None:
    await works(f"127.0.0.1:1,{secure.at('SSL')}", secure.tls())


# What is not to be seen


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_no_log_shows_a_password(
    secure: SecureKafka, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        transport = KafkaTransport(secure.at("SASL_PLAINTEXT"), secure.plain("bob", mechanism))
        with pytest.raises(DeniedError):
            await transport.admin().topics(["none"])
        await transport.close()
    assert "SaslHandShakeRequest" in caplog.text
    assert PASSWORDS["bob"] not in caplog.text
