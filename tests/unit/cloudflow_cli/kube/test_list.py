from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError
from support.kube_server import an_application

if TYPE_CHECKING:
    from support.cli import CommandLine
    from support.golden import Golden
    from support.kube_server import FakeServer, Manifest


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_applications_are_listed_by_namespace_and_name(
    cli: CommandLine, server: FakeServer, golden: Golden, status: Manifest, form: str
) -> None:
    server.put(an_application("zebra"))
    server.put(an_application("alpha", status=status))
    server.put(an_application("beta", "mill"))
    outcome = cli("list", "-A", "-o", form)
    assert outcome.status == Exit.DONE
    golden.check(f"list.{form}.txt", outcome.out)


def test_only_the_namespace_that_is_meant_is_listed(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application("here"))
    server.put(an_application("there", "mill"))
    assert [one["name"] for one in cli("list", "-o", "json").data["applications"]] == ["here"]
    assert "there" in cli("list", "-n", "mill").out


def test_without_applications_a_script_gets_none_and_people_a_sentence(
    cli: CommandLine, server: FakeServer
) -> None:
    outcome = cli("list")
    assert (outcome.out, outcome.status) == ("", Exit.DONE)
    assert outcome.err == "There are no applications in namespace 'plant'.\n"
    assert cli("list", "-A", "-o", "json").data == {"applications": []}


def test_without_the_definition_it_says_that_the_resource_is_not_installed(
    cli: CommandLine, server: FakeServer
) -> None:
    server.unknown.add(APPLICATION)
    outcome = cli("list")
    assert outcome.status == Exit.FAILED
    assert "The operator's resource is not installed" in outcome.err
    assert "doctor" in outcome.err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ClusterUnavailableError("list x", "no route"), Exit.UNREACHABLE, "--context"),
        (ForbiddenError("list x", "may not"), Exit.FAILED, "Ask an administrator"),
    ],
)
def test_what_the_cluster_does_not_do_is_told_with_what_to_do(
    cli: CommandLine, server: FakeServer, error: Exception, status: Exit, said: str
) -> None:
    server.failures["list", APPLICATION] = error
    outcome = cli("list")
    assert outcome.status == status
    assert str(error) in outcome.err
    assert said in outcome.err
