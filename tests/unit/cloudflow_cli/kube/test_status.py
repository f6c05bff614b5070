from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli import screen
from cloudflow_cli.exits import Exit
from cloudflow_cli.kube import standing
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_operator.errors import ClusterUnavailableError
from support.kube_server import an_application

if TYPE_CHECKING:
    from support.cli import CommandLine
    from support.golden import Golden
    from support.kube_server import FakeServer, Manifest

NOW = datetime(2026, 1, 1, 3, tzinfo=UTC)


def made(server: FakeServer, status: Manifest, **metadata: Any) -> Manifest:
    found = server.put(an_application(status=status))
    found["metadata"] |= metadata
    return found


def test_people_see_what_is_wrong_from_top_to_bottom(
    server: FakeServer, golden: Golden, status: Manifest
) -> None:
    golden.check("status.txt", standing.text(made(server, status), NOW))


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_scripts_get_everything_that_is_known(
    cli: CommandLine, server: FakeServer, golden: Golden, status: Manifest, form: str
) -> None:
    made(server, status)
    golden.check(f"status.{form}.txt", cli("status", "sensor-data", "-o", form).out)


def test_an_application_that_nobody_acted_on_says_so(server: FakeServer) -> None:
    shown = standing.text(server.put(an_application()), NOW)
    assert "Phase:      Unknown" in shown
    assert "No operator has acted on it yet" in shown


def test_a_status_of_before_the_last_change_says_so(server: FakeServer, status: Manifest) -> None:
    assert "has not acted on the last change" in standing.text(
        made(server, status, generation=2), NOW
    )
    assert "has not acted" not in standing.text(made(server, status, generation=1), NOW)


def test_an_application_that_is_being_removed_says_so(server: FakeServer, status: Manifest) -> None:
    shown = standing.text(made(server, status, deletionTimestamp="2026-01-01T00:00:00Z"), NOW)
    assert "It is being removed." in shown


def test_groups_of_removed_streamlets_are_told_in_one_line(
    server: FakeServer, status: Manifest
) -> None:
    names = [f"plant.sensor-data.old-{number}.in" for number in range(9)]
    groups = [{"name": name, "cluster": "default"} for name in names]
    groups[1]["cluster"] = "east"
    status["leftGroups"] = {"count": 2, "groups": groups[:2]}
    line = standing.text(made(server, status), NOW).splitlines()[-1]
    assert line == (
        f"Left behind: consumer groups {names[0]}, {names[1]} on east; "
        "delete them with Kafka's tools when their offsets are not needed."
    )
    status["leftGroups"] = {"count": 30, "groups": groups}
    assert f"{names[4]} and 25 more; delete" in standing.text(made(server, status), NOW)
    status["leftGroups"] = {"count": 0, "groups": []}
    assert "Left behind" not in standing.text(made(server, status), NOW)


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("2026-01-01T02:59:55Z", "5s"),
        ("2026-01-01T02:58:01Z", "119s"),
        ("2026-01-01T02:50:00Z", "10m"),
        ("2025-12-31T03:00:00Z", "24h"),
        ("2025-12-20T03:00:00Z", "12d"),
        ("2026-01-01T03:00:09Z", "0s"),
        ("", ""),
    ],
)
def test_ages_are_short(since: str, shown: str) -> None:
    assert standing.age(since, NOW) == shown


def test_an_unknown_application_is_not_found_and_a_near_one_named(
    cli: CommandLine, server: FakeServer
) -> None:
    server.put(an_application())
    server.put(an_application("mill-data", "mill"))
    outcome = cli("status", "sensr-data")
    assert outcome.status == Exit.NOT_FOUND
    assert "Did you mean 'sensor-data'?" in outcome.err
    assert "add -n mill" in cli("status", "mill-data").err


# Watching


class Changes:
    """Plays what happens to an application, one step at each look, then Ctrl-C."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *steps: Any) -> None:
        self.steps = list(steps)
        monkeypatch.setattr("cloudflow_cli.commands.status.sleep", self._sleep)

    async def _sleep(self, _seconds: float) -> None:
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


def test_a_watched_application_is_written_at_each_change(
    cli: CommandLine, server: FakeServer, status: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(server, status)

    def recover() -> None:
        found["status"]["phase"] = "Running"

    Changes(monkeypatch, lambda: None, recover, lambda: None)
    outcome = cli("status", "sensor-data", "--watch", "-o", "json")
    assert outcome.status == Exit.DONE
    phases = [json.loads(line)["phase"] for line in outcome.out.splitlines()]
    assert phases == ["CrashLoopBackOff", "Running"]


def test_watching_outlasts_a_cluster_that_is_away(
    cli: CommandLine, server: FakeServer, status: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(server, status)

    def away() -> None:
        server.failures["get", APPLICATION] = ClusterUnavailableError("get x", "no route")

    Changes(monkeypatch, away, server.failures.clear)
    outcome = cli("status", "sensor-data", "--watch")
    assert outcome.status == Exit.DONE
    assert outcome.out.count("The cluster does not answer now: get x: no route") == 1
    assert outcome.out.count("Phase:      CrashLoopBackOff") == 3


def test_watching_ends_when_the_application_is_gone(
    cli: CommandLine, server: FakeServer, status: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(server, status)
    Changes(monkeypatch, server.objects.clear)
    assert cli("status", "sensor-data", "-w").status == Exit.NOT_FOUND


def test_a_frame_writes_over_what_was_there_and_clears_nothing_before() -> None:
    shown = screen.frame("one\nlonger than wide\n", width=6, height=10)
    assert shown == "\x1b[Hone\x1b[K\nlonger\x1b[K\n\x1b[J"


def test_a_frame_that_is_too_high_says_how_much_is_hidden() -> None:
    lines = screen.frame("a\nb\nc\nd\n", width=20, height=4).splitlines()
    assert len(lines) < 5
    assert "… 2 more lines" in lines[2]
