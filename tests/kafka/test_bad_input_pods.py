"""What a pod says, and how it ends, when Kafka refuses what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from streamlet_sdk.contract import Binding, DeliveryOverride, ParameterSource, StreamletConfig
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import TopicSpec
from support.permissions import May, On, allow
from support.pod import PodProcess, contract_folder
from support.sources import ROOT
from support.transport import World
from testbed.secure_kafka import PASSWORDS, SecureKafka, jaas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

PORTS = ("in", "out", "in-dead-letters")
SCHEMAS = "_cloudflow.schemas"


def a_config(guarantee: str = "at-least-once", times: int = 1) -> StreamletConfig:
    """A streamlet with topics and a group of its own."""
    namespace = f"ns-{uuid4().hex[:8]}"
    ports = {name: Binding(topic=name, kafka_name=f"{namespace}.{name}") for name in PORTS}
    return StreamletConfig.model_validate(
        {
            "application": "app",
            "namespace": namespace,
            "streamlet": "repeat",
            "class": "support.stages:Repeat",
            "parameters": {"times": ParameterSource(value=str(times))},
            "ports": ports,
            "delivery": {"in": DeliveryOverride.model_validate({"guarantee": guarantee})},
        }
    )


@pytest.fixture
async def boss(secure: SecureKafka) -> AsyncIterator[World]:
    """Clients that may everything."""
    async with World(lambda name: KafkaTransport(secure.at("PLAINTEXT"), client=name)) as world:
        yield world


async def topics(boss: World, config: StreamletConfig, **limits: Mapping[str, str]) -> None:
    """Make the topics of a streamlet; `limits` are properties by port, `_` for `-`."""
    for name, binding in config.ports.items():
        properties = limits.get(name.replace("-", "_"), {})
        spec = TopicSpec(name=binding.kafka_name, partitions=1, config=properties)
        await boss.transport.admin().create(spec)


def a_pod(folder: Path, config: StreamletConfig, properties: Mapping[str, str]) -> PodProcess:
    """A pod on the cluster that the properties are for."""
    told = contract_folder(folder / "told", config, {"default": properties})
    environment: dict[str, Any] = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return PodProcess(folder=told, replica="repeat-0", source=folder, environment=environment)


def last_line(pod: PodProcess) -> str:
    """What it has said last; nothing that it has said is a secret."""
    assert not [secret for secret in PASSWORDS.values() if secret in pod.log]
    return pod.log.strip().splitlines()[-1]


async def permit(secure: SecureKafka, config: StreamletConfig, *left_out: str) -> None:
    """Let bob do what the streamlet needs, but for what is left out."""
    at = secure.at("PLAINTEXT")
    await allow(at, "bob", On.TOPIC, SCHEMAS, *May)
    for name, binding in config.ports.items():
        may = [May.DESCRIBE] if name in left_out else [May.READ, May.WRITE]
        await allow(at, "bob", On.TOPIC, binding.kafka_name, *may)
    if "group" not in left_out:
        await allow(at, "bob", On.GROUP, config.group("in"), May.READ)
    ids = f"{config.group('in')}.{config.ports['in'].kafka_name}.0"
    await allow(at, "bob", On.TRANSACTIONAL_ID, ids, May.WRITE, May.DESCRIBE)


async def test_wrong_credentials_end_a_pod_with_what_to_check(
    secure: SecureKafka, tmp_path: Path
) -> None:
    wrong = {"sasl.jaas.config": jaas("ann", "PLAIN", password="guessed")}
    at = {"bootstrap.servers": secure.at("SASL_PLAINTEXT")}
    async with a_pod(tmp_path, a_config(), {**secure.plain(), **wrong, **at}) as pod:
        assert await pod.ended() == 1
    assert "SASL Authentication failed" in last_line(pod)
    assert "(check sasl.jaas.config and sasl.mechanism)" in last_line(pod)
    assert "guessed" not in pod.log


async def test_a_property_that_cannot_be_followed_ends_a_pod(
    secure: SecureKafka, tmp_path: Path
) -> None:
    properties = {"bootstrap.servers": secure.at("PLAINTEXT"), "linger.ms": "5"}
    async with a_pod(tmp_path, a_config(), properties) as pod:
        assert await pod.ended() == 1
    assert "linger.ms: This client property cannot be used" in last_line(pod)


async def test_a_missing_topic_ends_a_pod_and_is_not_made(
    secure: SecureKafka, boss: World, tmp_path: Path
) -> None:
    config = a_config()
    async with a_pod(tmp_path, config, {"bootstrap.servers": secure.at("PLAINTEXT")}) as pod:
        assert await pod.ended() == 1
    name = config.ports["out"].kafka_name
    assert f"topic '{name}' does not exist on cluster 'default'" in last_line(pod)
    assert await boss.transport.admin().topics([name]) == {name: None}


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("group", "not allowed to be in the consumer group"),
        ("in", ".in/0: this principal is not allowed to use the topic"),
        ("out", ".out/0: this principal is not allowed to use the topic"),
    ],
)
async def test_a_missing_permission_ends_a_pod_with_what_to_allow(
    secure: SecureKafka, boss: World, tmp_path: Path, guarantee: str, missing: str, said: str
) -> None:
    config = a_config(guarantee)
    await topics(boss, config)
    await permit(secure, config, missing)
    await boss.write(config.ports["in"].kafka_name, b"value")
    at = {"bootstrap.servers": secure.at("SASL_PLAINTEXT")}
    async with a_pod(tmp_path, config, {**secure.plain("bob"), **at}) as pod:
        assert await pod.ended() == 1
    assert said in last_line(pod)
    assert "(allow " in last_line(pod)


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_an_output_that_is_too_large_becomes_a_dead_letter_with_the_reason(
    secure: SecureKafka, boss: World, tmp_path: Path, guarantee: str
) -> None:
    config = a_config(guarantee, times=100)
    await topics(boss, config, out={"max.message.bytes": "2000"})
    ports = config.ports
    large = bytes(range(256))
    await boss.write(ports["in"].kafka_name, large, b"small")
    at = {"bootstrap.servers": secure.at("PLAINTEXT"), "compression.type": "none"}
    async with a_pod(tmp_path, config, at) as pod:
        letters = await boss.reader(ports["in-dead-letters"].kafka_name)
        await letters.opened(1)
        [letter] = await letters.read(1)
        results = await boss.reader(ports["out"].kafka_name)
        await results.opened(1)
        assert await results.values(1) == [b"small" * 100]
        assert await pod.stopped() == 0
    headers = dict(letter.headers)
    assert letter.value == large
    assert headers["cloudflow-reason"] == b"write"
    assert b"larger than" in (headers["cloudflow-message"] or b"").lower()


async def test_a_dead_letter_that_is_too_large_itself_loses_its_value_and_says_so(
    secure: SecureKafka, boss: World, tmp_path: Path
) -> None:
    config = a_config(times=1000)
    small = {"max.message.bytes": "4000"}
    await topics(boss, config, out=small, in_dead_letters=small)
    ports = config.ports
    await boss.write(ports["in"].kafka_name, bytes(10_000))
    at = {"bootstrap.servers": secure.at("PLAINTEXT"), "compression.type": "none"}
    async with a_pod(tmp_path, config, at) as pod:
        letters = await boss.reader(ports["in-dead-letters"].kafka_name)
        await letters.opened(1)
        [letter] = await letters.read(1)
        assert await pod.stopped() == 0
    headers = dict(letter.headers)
    assert letter.value is None
    assert headers["cloudflow-omitted-value-bytes"] == b"10000"
    assert headers["cloudflow-reason"] == b"write"
