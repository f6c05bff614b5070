"""`pause`, `resume` and `restart`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_cli.kube.session import Target
from cloudflow_operator.names import RESTARTED_AT, restart_of
from support.kube_server import an_application

if TYPE_CHECKING:
    from support.cli import CommandLine
    from support.kube_server import FakeServer

HERE = Target(APPLICATION, "plant", "sensor-data")


def state(server: FakeServer) -> Any:
    return server.objects[HERE]["spec"].get("state")


def restarts(server: FakeServer) -> set[str]:
    return set(server.objects[HERE]["metadata"].get("annotations", {}))


def test_a_paused_application_is_resumed(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    assert cli("pause", "sensor-data").out == "sensor-data is now paused.\n"
    assert state(server) == "Paused"
    assert cli("resume", "sensor-data").out == "sensor-data is now running.\n"
    assert state(server) is None


def test_what_is_so_already_is_not_written(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    assert cli("resume", "sensor-data").out == "sensor-data was already running.\n"
    cli("pause", "sensor-data")
    assert cli("pause", "sensor-data", "-o", "json").data == {
        "application": "sensor-data",
        "namespace": "plant",
        "state": "Paused",
        "changed": False,
    }
    assert len(server.writes) == 1


def test_a_restart_is_of_all_or_of_those_that_are_named(
    cli: CommandLine, server: FakeServer
) -> None:
    server.put(an_application())
    outcome = cli("restart", "sensor-data", "validation")
    assert outcome.out == "Restarting validation of sensor-data.\n"
    assert restarts(server) == {restart_of("validation")}
    outcome = cli("restart", "sensor-data", "-o", "json")
    assert outcome.data["restarted"] == ["in", "validation"]
    assert restarts(server) == {RESTARTED_AT, restart_of("validation")}


def test_each_restart_is_another_one(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    cli("restart", "sensor-data")
    first = server.objects[HERE]["metadata"]["annotations"][RESTARTED_AT]
    cli("restart", "sensor-data")
    assert server.objects[HERE]["metadata"]["annotations"][RESTARTED_AT] > first


def test_an_unknown_streamlet_restarts_nothing(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    outcome = cli("restart", "sensor-data", "in", "validations", "other")
    assert outcome.status == Exit.NOT_FOUND
    assert "no streamlet 'validations', 'other'" in outcome.err
    assert "Did you mean 'validation'? It has in, validation." in outcome.err
    assert server.writes == []


def test_a_paused_application_is_told_to_have_nothing_to_restart(
    cli: CommandLine, server: FakeServer
) -> None:
    server.put(an_application())["spec"]["state"] = "Paused"
    assert "no pods until `resume`" in cli("restart", "sensor-data").err


@pytest.mark.parametrize("command", ["pause", "resume", "restart"])
def test_an_application_that_is_not_there_is_not_made(
    cli: CommandLine, server: FakeServer, command: str
) -> None:
    assert cli(command, "sensor-data").status == Exit.NOT_FOUND
    assert server.objects == {}
