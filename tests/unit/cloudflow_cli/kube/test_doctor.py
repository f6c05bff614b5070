from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_cli.kube.kinds import APPLICATION, CLAIM, DEFINITION, LEASE, OWN_REVIEW, REVIEW
from cloudflow_cli.kube.session import Target
from cloudflow_operator.api.schema import definition
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, PLURAL
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import CONFIG_MAP
from cloudflow_operator.names import ABOUT
from support.kube_server import a_pod, an_operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.cli import CommandLine
    from support.golden import Golden
    from support.kube_server import FakeServer, Manifest

LEASE_HERE = Target(LEASE, "cloudflow", ABOUT)


def a_lease(age: timedelta = timedelta(), **spec: Any) -> Manifest:
    renewed = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = {"holderIdentity": "operator-1", "leaseDurationSeconds": 3, "renewTime": renewed}
    metadata = {"name": ABOUT, "namespace": "cloudflow"}
    return {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.name,
        "metadata": metadata,
        "spec": told | spec,
    }


@pytest.fixture
def server(server: FakeServer) -> FakeServer:
    """A cluster that has all."""
    server.put(definition())
    server.put(an_operator())
    server.put(a_lease())
    server.put(a_pod("operator-1", namespace="cloudflow"))["spec"] = {
        "serviceAccountName": "theirs"
    }
    return server


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_seconds: float) -> None:
        pass

    monkeypatch.setattr("cloudflow_cli.kube.checkup.sleep", sleep)


def verdicts(cli: CommandLine) -> dict[str, tuple[str, str]]:
    found = cli("doctor", "-o", "json").data["findings"]
    return {one["what"]: (one["verdict"], f"{one['told']} {one['remedy']}") for one in found}


def test_a_cluster_that_has_all_is_healthy(
    cli: CommandLine, server: FakeServer, golden: Golden
) -> None:
    outcome = cli("doctor")
    assert outcome.status == Exit.DONE
    golden.check("doctor.txt", outcome.out)


def test_an_empty_cluster_is_told_what_to_install(
    cli: CommandLine, server: FakeServer, golden: Golden
) -> None:
    server.objects.clear()
    server.unknown.add(APPLICATION)
    outcome = cli("doctor")
    assert outcome.status == Exit.FAILED
    golden.check("doctor-empty.txt", outcome.out)


def test_an_old_definition_lacks_fields(cli: CommandLine, server: FakeServer) -> None:
    name = f"{PLURAL}.{API_VERSION.partition('/')[0]}"
    old = server.objects[Target(DEFINITION, None, name)]
    schema = old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["overrides"]
    verdict, told = verdicts(cli)["resource"]
    assert verdict == "fault"
    assert "lacks spec.overrides" in told


@pytest.mark.parametrize(
    ("make", "verdict", "said"),
    [
        # Made when the test runs: one of the time of collection would be old by then.
        (a_lease, "ok", "operator-1 is at work"),
        (partial(a_lease, timedelta(hours=-1)), "fault", "does not renew"),
        (partial(a_lease, timedelta(hours=1)), "fault", "kubectl get pods -n cloudflow"),
        (partial(a_lease, holderIdentity=""), "fault", "no operator is the leader"),
        (partial(a_lease, renewTime="rubbish"), "fault", "does not renew"),
        (None, "unknown", "no Lease"),
    ],
)
def test_the_leader_is_judged_by_its_lease(
    cli: CommandLine,
    server: FakeServer,
    make: Callable[[], Manifest] | None,
    verdict: str,
    said: str,
) -> None:
    server.objects.pop(LEASE_HERE)
    if make is not None:
        server.put(make())
    found = verdicts(cli)["leader"]
    assert (found[0], said in found[1]) == (verdict, True), found


def test_a_lease_that_is_renewed_while_one_looks_is_fresh_whatever_the_clocks_say(
    cli: CommandLine, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(a_lease(timedelta(hours=1)))

    async def renew(_seconds: float) -> None:
        server.put(a_lease(timedelta(minutes=59)))

    monkeypatch.setattr("cloudflow_cli.kube.checkup.sleep", renew)
    assert verdicts(cli)["leader"][0] == "ok"


def test_a_right_that_the_operator_lacks_is_named(cli: CommandLine, server: FakeServer) -> None:
    asked: list[Manifest] = []

    def review(spec: Manifest) -> Manifest:
        asked.append(spec)
        attributes = spec["resourceAttributes"]
        is_missing = (attributes["verb"], attributes["resource"]) == ("patch", "deployments")
        return {"allowed": not is_missing}

    server.reviews = review
    verdict, told = verdicts(cli)["operator's rights"]
    assert verdict == "fault"
    assert "the ServiceAccount cloudflow/theirs may not patch deployments." in told
    users = {spec["user"] for spec in asked if "user" in spec}
    assert users == {"system:serviceaccount:cloudflow:theirs"}


def test_rights_of_an_operator_for_some_namespaces_are_asked_there(
    cli: CommandLine, server: FakeServer
) -> None:
    server.put(an_operator(watches='["plant", "mill"]'))
    places: set[str | None] = set()

    def review(spec: Manifest) -> Manifest:
        if "user" in spec and spec["resourceAttributes"]["resource"] == PLURAL:
            places.add(spec["resourceAttributes"].get("namespace"))
        return {"allowed": True}

    server.reviews = review
    assert verdicts(cli)["operator's rights"][0] == "ok"
    assert places == {"plant", "mill"}


def test_rights_that_the_user_lacks_are_named(cli: CommandLine, server: FakeServer) -> None:
    server.reviews = lambda spec: {
        "allowed": spec["resourceAttributes"].get("subresource") != "log"
    }
    verdict, told = verdicts(cli)["your rights"]
    assert (verdict, "you may not get pods/log" in told) == ("fault", True)


def test_what_may_not_be_looked_at_is_no_fault(cli: CommandLine, server: FakeServer) -> None:
    denied = ForbiddenError("x", "may not")
    for verb, kind in {("get", DEFINITION), ("get", LEASE), ("create", REVIEW)}:
        server.failures[verb, kind] = denied
    server.failures["list", CONFIG_MAP] = denied
    found = verdicts(cli)
    assert found["resource"][0] == "ok"
    assert found["leader"][0] == found["operator's rights"][0] == "unknown"
    assert cli("doctor").status == Exit.DONE


@pytest.mark.parametrize(
    ("clusters", "said"),
    [("{}", "there are none"), ('{"far": {}}', "only far")],
)
def test_without_a_default_kafka_cluster_it_says_how_to_make_one(
    cli: CommandLine, server: FakeServer, clusters: str, said: str
) -> None:
    server.put(an_operator(clusters=clusters))
    verdict, told = verdicts(cli)["Kafka clusters"]
    assert (verdict, said in told) == ("fault", True)
    assert "cloudflow.dev/kafka-cluster: default" in told


def test_the_kinds_that_are_spelled_again_are_those_of_the_types() -> None:
    assert tuple(APPLICATION) == (API_VERSION, KIND, PLURAL)
    assert {CLAIM.plural, OWN_REVIEW.plural} == {
        "persistentvolumeclaims",
        "selfsubjectaccessreviews",
    }
