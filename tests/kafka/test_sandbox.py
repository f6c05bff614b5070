"""`sandbox --kafka`: the whole application on a real broker, run as people run it."""

from __future__ import annotations

from uuid import uuid4

from streamlet_sdk.runtime.kafka import KafkaTransport
from support.sandbox import sandbox
from support.sources import ROOT

EXAMPLE = ROOT / "examples" / "sensor-data"
FEED = "sensor-data=test-data/04-moderate-breeze.json"


async def test_an_application_runs_until_idle_and_its_topics_stay(kafka: str) -> None:
    namespace = f"ns-{uuid4().hex[:8]}"
    words = ["--kafka", kafka, "-n", namespace, "--port-base", "0", "--until", "idle"]
    words += ["--timeout", "40s", "--partitions", "metrics=3", "--replicas", "validation=2"]
    outcome = sandbox(*words, "--feed", FEED, "-o", "json", folder=EXAMPLE)
    assert outcome.status == 0, outcome.stderr
    assert f"on Kafka at {kafka}" in outcome.stderr
    assert outcome.counted("validation") == {"received": 3, "emitted": 3}
    assert outcome.summary["topics"]["valid-metrics"] == 3
    transport = KafkaTransport(kafka)
    name = f"{namespace}.sensor-data.metrics"
    known = (await transport.admin().topics([name]))[name]
    await transport.close()
    assert known is not None
    assert known.partitions == 3


async def test_a_second_run_goes_on_where_the_first_ended(kafka: str) -> None:
    namespace = f"ns-{uuid4().hex[:8]}"
    words = ["--kafka", kafka, "-n", namespace, "--port-base", "0", "--until", "idle"]
    words += ["--timeout", "40s", "--feed", FEED, "-o", "json"]
    for _ in range(2):
        outcome = sandbox(*words, folder=EXAMPLE)
        assert outcome.status == 0, outcome.stderr
        assert outcome.counted("metrics") == {"received": 1, "emitted": 3}
    assert outcome.summary["topics"]["sensor-data"] == 2


def test_a_broker_that_is_not_there_ends_the_command_with_the_reason() -> None:
    outcome = sandbox("--kafka", "127.0.0.1:1", "--port-base", "0", folder=EXAMPLE)
    assert outcome.status == 4
    assert "no broker of 127.0.0.1:1 can be reached" in outcome.stderr


def test_what_is_no_address_is_a_wrong_word() -> None:
    outcome = sandbox("--kafka", "broker", folder=EXAMPLE)
    assert outcome.status == 2
    assert "HOST:PORT" in outcome.stderr
