from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_cli.kube.session import LogQuery, Target
from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError, RefusedError
from cloudflow_operator.interfaces import POD
from support.kube_server import a_pod, an_application

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.cli import CommandLine
    from support.kube_server import FakeServer

CUT = ClusterUnavailableError("read the log", "connection lost")
WAITING = RefusedError("read the log of Pod plant/v-b", "waiting to start: ContainerCreating")


def at(second: int, text: str, fraction: str = "5") -> str:
    return f"2026-01-01T00:00:{second:02}.{fraction}Z {text}"


@pytest.fixture
def server(server: FakeServer) -> FakeServer:
    server.put(an_application())
    server.put(a_pod("v-a"))
    server.put(a_pod("v-b"))
    return server


def test_lines_of_all_pods_are_in_the_order_of_time(cli: CommandLine, server: FakeServer) -> None:
    server.logs["v-a"] = [[at(1, "one"), at(2, "two", "12"), at(4, "four")]]
    server.logs["v-b"] = [[at(2, "before two", "1"), at(3, "three")]]
    outcome = cli("logs", "sensor-data")
    assert outcome.status == Exit.DONE
    assert outcome.out.splitlines() == [
        "validation/a one",
        "validation/b before two",
        "validation/a two",
        "validation/b three",
        "validation/a four",
    ]


def test_scripts_get_a_document_for_each_line(cli: CommandLine, server: FakeServer) -> None:
    server.logs["v-a"] = [[at(1, 'say "ä"')]]
    assert cli("logs", "sensor-data", "-o", "json").data == {
        "time": "2026-01-01T00:00:01.5Z",
        "streamlet": "validation",
        "pod": "v-a",
        "text": 'say "ä"',
    }


def test_only_the_pods_of_one_streamlet_are_read(cli: CommandLine, server: FakeServer) -> None:
    server.put(a_pod("i-c", "in"))
    server.logs = {"v-a": [[at(1, "not this")]], "i-c": [[at(1, "this")]]}
    assert cli("logs", "sensor-data", "in").out == "in/c this\n"


def test_options_say_how_much_is_read(cli: CommandLine, server: FakeServer) -> None:
    cli("logs", "sensor-data", "--since", "5m", "--tail", "0", "--previous")
    assert server.queries["v-a"] == [LogQuery(is_previous=True, since=timedelta(minutes=5), tail=0)]


@pytest.mark.parametrize(
    "words", [("--since", "soon"), ("-f", "--previous"), ("--tail", "-1")], ids=" ".join
)
def test_what_makes_no_sense_is_a_usage_error(
    cli: CommandLine, server: FakeServer, words: tuple[str, ...]
) -> None:
    assert cli("logs", "sensor-data", *words).status == Exit.USAGE


def test_an_unknown_streamlet_is_not_found(cli: CommandLine, server: FakeServer) -> None:
    outcome = cli("logs", "sensor-data", "validations")
    assert outcome.status == Exit.NOT_FOUND
    assert "Did you mean 'validation'?" in outcome.err


def test_a_pod_without_log_is_told_and_hides_no_other(cli: CommandLine, server: FakeServer) -> None:
    server.logs = {"v-a": [[at(1, "one")]], "v-b": [[WAITING]]}
    outcome = cli("logs", "sensor-data")
    assert (outcome.out, outcome.status) == ("validation/a one\n", Exit.DONE)
    assert "ContainerCreating" in outcome.err


def test_when_no_pod_has_a_log_it_has_failed(cli: CommandLine, server: FakeServer) -> None:
    server.logs = {"v-a": [[WAITING]], "v-b": [[WAITING]]}
    assert cli("logs", "sensor-data").status == Exit.FAILED


def test_without_pods_it_says_so(cli: CommandLine, server: FakeServer) -> None:
    outcome = cli("logs", "sensor-data", "in")
    assert (outcome.out, outcome.status) == ("", Exit.DONE)
    assert outcome.err == "There are no pods.\n"


# Following


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets so many looks for pods pass, doing something at some of them, then Ctrl-C."""

    def play(count: int, **steps: Callable[[], object]) -> None:
        looks = 0

        async def sleep(_seconds: float) -> None:
            nonlocal looks
            task = asyncio.current_task()
            assert task is not None
            if "_find" in repr(task.get_coro()):
                looks += 1
                steps.get(f"at_{looks}", lambda: None)()
                if looks > count:
                    raise KeyboardInterrupt
            for _ in range(20):  # whoever has something to do does it
                await asyncio.sleep(0)

        monkeypatch.setattr("cloudflow_cli.kube.pod_logs.sleep", sleep)

    return play


def texts(out: str, pod: str) -> list[str]:
    found = [line.partition(" ") for line in out.splitlines()]
    return [text for name, _, text in found if name == f"validation/{pod}"]


def test_a_connection_that_breaks_is_opened_where_it_was(
    cli: CommandLine, server: FakeServer, rounds: Callable[..., None]
) -> None:
    server.logs["v-a"] = [
        [at(1, "one"), at(2, "two"), at(2, "two again"), CUT],
        [at(1, "one", "9"), at(2, "two"), at(2, "two again"), at(2, "two thrice"), at(3, "three")],
        [at(3, "three"), at(4, "four")],
    ]
    rounds(5)
    outcome = cli("logs", "sensor-data", "-f")
    assert outcome.status == Exit.DONE
    assert texts(outcome.out, "a") == ["one", "two", "two again", "two thrice", "three", "four"]
    first, second = server.queries["v-a"][:2]
    assert first == LogQuery(is_followed=True, tail=10)
    assert second == LogQuery(is_followed=True, since_time="2026-01-01T00:00:02.5Z")


def test_a_pod_that_comes_is_read_from_its_beginning(
    cli: CommandLine, server: FakeServer, rounds: Callable[..., None]
) -> None:
    server.logs["v-c"] = [[at(1, "hello")]]
    rounds(4, at_2=lambda: server.put(a_pod("v-c")))
    outcome = cli("logs", "sensor-data", "-f", "--tail", "3")
    assert texts(outcome.out, "c") == ["hello"]
    assert server.queries["v-c"][0] == LogQuery(is_followed=True)
    assert server.queries["v-a"][0] == LogQuery(is_followed=True, tail=3)


def test_a_pod_that_is_gone_is_left_alone(
    cli: CommandLine, server: FakeServer, rounds: Callable[..., None]
) -> None:
    counted: list[int] = []

    def go() -> None:
        server.objects.pop(Target(POD, "plant", "v-a"))

    rounds(8, at_2=go, at_4=lambda: counted.append(len(server.queries["v-a"])))
    cli("logs", "sensor-data", "-f")
    assert counted == [len(server.queries["v-a"])]


def test_why_a_pod_has_no_log_yet_is_told_once(
    cli: CommandLine, server: FakeServer, rounds: Callable[..., None]
) -> None:
    server.logs["v-b"] = [[WAITING], [WAITING], [at(1, "up")]]
    rounds(6)
    outcome = cli("logs", "sensor-data", "-f")
    assert outcome.err.count("ContainerCreating") == 1
    assert texts(outcome.out, "b") == ["up"]


def test_following_ends_with_an_error_when_logs_may_not_be_read(
    cli: CommandLine, server: FakeServer
) -> None:
    server.failures["log", POD] = ForbiddenError("read the log", "may not")
    outcome = cli("logs", "sensor-data", "-f")
    assert outcome.status == Exit.FAILED
    assert "Ask an administrator" in outcome.err


def test_lines_in_json_are_single_lines(
    cli: CommandLine, server: FakeServer, rounds: Callable[..., None]
) -> None:
    server.logs["v-a"] = [[at(1, "one"), at(2, "two")]]
    rounds(3)
    out = cli("logs", "sensor-data", "-f", "-o", "json").out
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["one", "two"]
