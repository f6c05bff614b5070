"""The configuration of a streamlet, as the platform writes it and a process reads it."""

from __future__ import annotations

import json

import pytest

from streamlet_sdk.contract import CONTRACT, StreamletConfig, from_json, to_json
from streamlet_sdk.errors import ConfigurationError

CONFIG = StreamletConfig.model_validate(
    {"application": "app", "streamlet": "worker", "class": "a:B", "settings": {"max-emissions": 3}}
)


def refused(document: object) -> list[str]:
    """The problems of a document."""
    with pytest.raises(ConfigurationError) as caught:
        from_json(json.dumps(document), "c.json")
    return [str(problem) for problem in caught.value.problems]


def test_what_the_platform_writes_is_read_back() -> None:
    assert from_json(json.dumps(to_json(CONFIG))) == CONFIG


@pytest.mark.parametrize("contract", [CONTRACT + 1, 0, "one", None])
def test_another_contract_is_refused_before_anything_that_it_changed(contract: object) -> None:
    (problem,) = refused({"contract": contract, "renamed": True})
    assert problem.startswith(f"c.json: contract: the operator wrote contract {contract!r}, and")
    assert "the image" in problem
    assert "the operator of" in problem


def test_every_wrong_part_is_a_problem_of_its_own_and_shows_no_value() -> None:
    document = to_json(CONFIG) | {
        "parameters": {"token": {"value": ["s3cret"]}},
        "serverPort": "many",
        "more": 1,
    }
    problems = refused(document)
    assert [one.partition(": ")[2].partition(": ")[0] for one in problems] == [
        "parameters.token.value",
        "serverPort",
        "more",
    ]
    assert "s3cret" not in "".join(problems)


@pytest.mark.parametrize("data", ["", "{", "[]", b"\xff"])
def test_what_is_no_object_is_refused_in_words(data: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^streamlet\.json: .*Let the operator"):
        from_json(data)


def test_platforms_that_share_a_kafka_share_no_names_on_it() -> None:
    def named(prefix: str) -> set[str]:
        document = {
            "application": "sensor-data",
            "namespace": "plant",
            "streamlet": "poll",
            "class": "plant:Poll",
            "ports": {
                "in": {"topic": "raw", "kafkaName": "raw", "prefix": prefix},
                "out": {"topic": "good", "kafkaName": "good", "prefix": prefix},
            },
        }
        config = StreamletConfig.model_validate(document)
        return {config.group("in"), config.own_name("out", "position")}

    assert named("") == {"plant.sensor-data.poll.in", "plant.sensor-data.poll.position"}
    assert named("east.") == {f"east.{name}" for name in named("")}
