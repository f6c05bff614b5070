"""Which operator acts on a namespace, and whether it fits: `version` and what `deploy` asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli import VERSION
from cloudflow_cli.exits import Exit
from cloudflow_cli.kube import operators
from cloudflow_cli.kube.errors import (
    NewOperatorError,
    NoOperatorError,
    OldOperatorError,
    SeveralOperatorsError,
)
from cloudflow_cli.kube.operators import KafkaClusterFacts, Operator
from cloudflow_cli.kube.session import Session
from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError
from cloudflow_operator.interfaces import CONFIG_MAP
from support.kube_server import FakeServer, an_operator

if TYPE_CHECKING:
    from support.cli import CommandLine


def responsible(server: FakeServer, contract: int = 1) -> Operator:
    return asyncio.run(operators.responsible(Session(server, "plant"), contract))


def test_an_operator_says_what_it_is() -> None:
    clusters = '{"far": {"prefix": "x.", "partitions": 3, "replicationFactor": 2}, "near": {}}'
    server = FakeServer(an_operator(watches='["plant"]', contracts="[1, 2]", clusters=clusters))
    assert responsible(server) == Operator(
        namespace="cloudflow",
        version="0.1.0",
        contracts=(1, 2),
        watches=("plant",),
        clusters={
            "far": KafkaClusterFacts(prefix="x.", partitions=3, replication_factor=2),
            "near": KafkaClusterFacts(),
        },
    )


@pytest.mark.parametrize(
    ("manifests", "contract", "error", "said"),
    [
        ([], 1, NoOperatorError, "There is no operator on this cluster."),
        ([an_operator(watches='["mill"]')], 1, NoOperatorError, "those that are there watch mill"),
        ([an_operator(), an_operator("other")], 1, SeveralOperatorsError, "cloudflow, other"),
        ([an_operator()], 2, OldOperatorError, "too old"),
        ([an_operator(contracts="[2, 3]")], 1, NewOperatorError, "too new"),
    ],
)
def test_acc_17_no_operator_two_too_old_and_too_new_are_distinct(
    manifests: list[dict[str, object]], contract: int, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        responsible(FakeServer(*manifests), contract)
    assert getattr(raised.value, "hint", None)


def test_operators_of_other_namespaces_do_no_harm() -> None:
    server = FakeServer(an_operator(watches='["plant"]'), an_operator("b", watches='["mill"]'))
    assert responsible(server).namespace == "cloudflow"


def test_who_may_not_look_everywhere_finds_the_operator_in_its_usual_place() -> None:
    server = FakeServer(an_operator())
    server.failures["list", CONFIG_MAP] = ForbiddenError("list ConfigMap", "may not")
    assert responsible(server).namespace == "cloudflow"


def test_who_may_not_look_everywhere_is_told_that_there_may_be_one() -> None:
    server = FakeServer(an_operator("elsewhere"))
    server.failures["list", CONFIG_MAP] = ForbiddenError("list ConfigMap", "may not")
    with pytest.raises(NoOperatorError, match="may not be looked at"):
        responsible(server)


@pytest.mark.parametrize("rubbish", ["", "{", "null", "7", '"x"'])
def test_a_config_map_with_rubbish_tells_nothing(rubbish: str) -> None:
    server = FakeServer(an_operator(watches=rubbish, contracts=rubbish, clusters=rubbish))
    with pytest.raises(OldOperatorError, match="knows none"):
        responsible(server)


def test_versions_that_fit(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_operator())
    assert cli("version").out == (
        f"kubectl-cloudflow {VERSION}\noperator 0.1.0 in namespace cloudflow\nThey fit.\n"
    )
    assert cli("version", "-o", "json").data["fits"] is True


def test_versions_that_do_not_fit_say_why(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_operator(contracts="[7]"))
    outcome = cli("version", "-o", "json")
    assert (outcome.status, outcome.data["fits"]) == (Exit.DONE, False)
    assert "too new" in outcome.data["problem"]


def test_the_own_version_is_shown_when_the_cluster_is_away(
    cli: CommandLine, server: FakeServer
) -> None:
    server.failures["list", CONFIG_MAP] = ClusterUnavailableError("list ConfigMap", "no route")
    outcome = cli("version", "-o", "json")
    assert outcome.data == {"client": VERSION}
    assert outcome.status == Exit.UNREACHABLE
