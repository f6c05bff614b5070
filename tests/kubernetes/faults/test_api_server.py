"""What is between the operator's process and its API server fails; it goes on all the same."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from cloudflow_operator import names
from support.installed_application import Installed, create, merge
from support.kube import a_kube, a_namespace, eventually
from support.kube_proxy import a_proxy, refusal
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.resources import install
from testbed.kubernetes import control_plane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.kube import Kube
    from support.kube_proxy import Fault, PassOn, Proxy
    from support.operator_process import OperatorProcess
    from testbed.kubernetes import ControlPlane

pytestmark = pytest.mark.slow

PATIENT = {"lease_duration": "PT5M", "lease_deadline": "PT4M", "probe_period": "PT1S"}
"""Long faults shall not end the process; that they do is tested with the election."""
APPLICATIONS = "/cloudflowapplications"
BUSY = 400
"""Requests that no fault here is a reason for; a loop without a pause makes thousands."""


@pytest.fixture
async def proxied(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> AsyncIterator[tuple[Proxy, OperatorProcess]]:
    """An operator that leads in the test's namespace, and what stands before its server."""
    await install(kube)
    await kube.create(kafka_cluster(namespace, kafka))
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with (
        a_proxy(kubernetes, tmp_path) as (proxy, file),
        an_operator(file, tmp_path, **scope, **PATIENT) as operator,
    ):
        await until_leading(operator)
        pid = operator.process.pid
        yield proxy, operator
        assert operator.process.is_alive
        assert operator.process.pid == pid


async def whole(kube: Kube, namespace: str, name: str = "plant") -> Installed:
    """An application that came to its end in spite of everything."""
    one = await create(kube, application(name, namespace))
    await until_whole(one)
    return one


async def until_whole(one: Installed) -> None:
    """Wait until all its Deployments are there, and its status says so."""

    async def look() -> bool:
        found = await one.read()
        status, wanted = found.get("status", {}), len(found["spec"]["streamlets"])
        deployments = [name for name in await one.children() if name.startswith("Deployment/")]
        return (
            status.get("observedGeneration") == found["metadata"]["generation"]
            and len(deployments) == wanted
            and await one.condition("TopicsReady") == "True"
        )

    await eventually(look, f"{one.name} to be whole")


async def changed(one: Installed, version: str) -> None:
    """Change it, and wait until the operator has followed."""
    await merge(one.kube, one.document, {"spec": {"version": version}})

    async def look() -> bool:
        found = await one.kube.read(one.deployment("validation"))
        return bool(found["metadata"]["labels"][names.VERSION] == version)

    await eventually(look, f"{one.name} to have version {version}")


def every(number: int, answer: web.Response | None, *, about: str = "") -> Fault:
    """Let each such request whose turn it is have `answer`, or fall into a hole for a second."""
    turns = itertools.count(1)

    async def fault(request: web.BaseRequest, pass_on: PassOn) -> web.StreamResponse:
        if about in request.path and "leases" not in request.path and next(turns) % number == 0:
            if answer is not None:
                return _again(answer)
            await asyncio.sleep(1)
        return await pass_on()

    return fault


def _again(answer: web.Response) -> web.Response:
    """The same answer, which can be sent once more."""
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


FAULTS: dict[str, Fault] = {
    "overload": every(5, refusal(429, Retry_After="1")),
    "errors": every(2, refusal(500)),
    "slowness": every(2, None),
    "strangers": every(3, web.Response(status=502, text="<html>Bad Gateway</html>")),
    "unknown tokens": every(3, refusal(401), about=APPLICATIONS),
}


@pytest.mark.parametrize("kind", FAULTS)
async def test_an_application_ends_right_under(
    proxied: tuple[Proxy, OperatorProcess], kube: Kube, namespace: str, kind: str
) -> None:
    proxy, _ = proxied
    proxy.fault = FAULTS[kind]
    before = len(proxy.seen)
    one = await whole(kube, namespace)
    await changed(one, "1.4.1")
    assert len(proxy.seen) - before < BUSY
    proxy.fault = None
    await changed(one, "1.4.2")


@pytest.mark.parametrize("how", ["drop", "end"])
async def test_watches_that_are_cut_in_the_middle_of_a_line_go_on(
    proxied: tuple[Proxy, OperatorProcess], kube: Kube, namespace: str, how: Any
) -> None:
    proxy, operator = proxied
    one = await whole(kube, namespace)
    before = len(proxy.seen)
    for count in range(3):

        async def cut() -> bool:
            return await proxy.cut_watches(b'{"type":"MODIFIED","object":{"meta', how) > 0

        await eventually(cut, "watches that can be cut")
        await changed(one, f"1.5.{count}")
    for child in (await one.children()).values():
        if child["kind"] == "Deployment":
            await kube.delete(child)
    await until_whole(one)
    assert len(proxy.seen) - before < BUSY
    assert operator.answer("/healthz")[0] == 200


def an_event(event: Any) -> web.Response:
    return web.Response(text=f"{json.dumps(event)}\n", content_type="application/json")


GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}


def watches_are(answer: web.Response) -> Fault:
    async def fault(request: web.BaseRequest, pass_on: PassOn) -> web.StreamResponse:
        return _again(answer) if "watch" in request.query else await pass_on()

    return fault


@pytest.mark.parametrize(
    "answer",
    [
        refusal(410, "too old resource version"),
        an_event({"type": "ERROR", "object": GONE}),
        an_event({"type": "ERROR", "object": {**GONE, "code": 500}}),
        an_event({"type": "ADDED"}),
        an_event(["what?"]),
    ],
    ids=["410", "410-event", "500-event", "no-object", "no-event"],
)
async def test_watches_that_are_refused_are_replaced_by_lists_without_haste(
    proxied: tuple[Proxy, OperatorProcess], kube: Kube, namespace: str, answer: web.Response
) -> None:
    proxy, operator = proxied
    one = await whole(kube, namespace)
    other = await whole(kube, namespace, "other")
    before = len(proxy.seen)
    proxy.fault = watches_are(answer)
    await proxy.cut_watches(b"", "drop")
    await changed(one, "1.5.0")
    await kube.delete(other.document)
    await asyncio.sleep(5)  # in which a loop without a pause would show
    assert len(proxy.seen) - before < BUSY
    proxy.fault = None
    await changed(one, "1.5.1")

    async def is_well() -> bool:
        return (await asyncio.to_thread(operator.answer, "/healthz"))[0] == 200

    await eventually(is_well, "the operator to be well again")


async def test_a_list_whose_rest_is_gone_is_read_again(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await install(kube)
    await kube.create(kafka_cluster(namespace, kafka))
    for number in range(101):  # more than a piece of a list
        await kube.create(application(f"idle-{number}", namespace, state="Paused", sdk=LATER))
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with a_proxy(kubernetes, tmp_path) as (proxy, file):
        forgotten: list[str] = []

        async def forget(request: web.BaseRequest, pass_on: PassOn) -> web.StreamResponse:
            if "continue" in request.query and forgotten.count(request.path) < 2:
                forgotten.append(request.path)
                return refusal(410, "the provided continue parameter is too old")
            return await pass_on()

        proxy.fault = forget
        async with an_operator(file, tmp_path, **scope, **PATIENT) as operator:
            await until_leading(operator)
            await whole(kube, namespace)
            assert operator.process.is_alive
        assert any(path.endswith(APPLICATIONS) for path in forgotten)


LATER = {"version": "9.0.0", "contract": 99}
"""An application with which nothing can be done: it costs the test no objects."""


async def test_conflicts_are_looked_at_again(
    proxied: tuple[Proxy, OperatorProcess], kube: Kube, namespace: str
) -> None:
    proxy, _ = proxied
    # Every second write of each object: of all writes, the same one could meet it at each look.
    turns: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)

    async def fault(request: web.BaseRequest, pass_on: PassOn) -> web.StreamResponse:
        is_write = request.method in {"PATCH", "DELETE"} and "leases" not in request.path
        return refusal(409) if is_write and next(turns[request.path]) % 2 == 0 else await pass_on()

    proxy.fault = fault
    before = len(proxy.seen)
    one = await whole(kube, namespace)
    await changed(one, "1.4.1")
    assert len(proxy.seen) - before < BUSY


# The server itself, one of the tests' own


@pytest.fixture(scope="module")
def own_plane() -> Iterator[ControlPlane]:
    with control_plane() as made:
        yield made


@pytest.mark.parametrize("what", ["killed", "frozen", "without its store"])
async def test_a_server_that_comes_back_is_gone_on_with(
    own_plane: ControlPlane, kafka: str, tmp_path: Path, what: str
) -> None:
    async with a_kube(own_plane.kubeconfig) as kube, a_namespace(kube) as namespace:
        await install(kube)
        await kube.create(kafka_cluster(namespace, kafka))
        theirs = await kube.account(namespace, "operator", tmp_path)
        await kube.create(_may_everything(namespace))
        scope = {"namespace": namespace, "watch_namespaces": namespace}
        # kopf's pauses between two tries are longer than a second.
        looks = {**PATIENT, "probe_period": "PT10S"}
        async with an_operator(theirs, tmp_path, **scope, **looks) as operator:
            await until_leading(operator)
            one = await whole(kube, namespace)
            before = await operator.requests("get") + await operator.requests("list")
            await _disturb(own_plane, what)
            await changed(one, "1.5.0")
            await kube.delete(one.deployment("ingress"))
            await until_whole(one)
            after = await operator.requests("get") + await operator.requests("list")
            assert after - before < BUSY
            assert operator.process.is_alive
            assert operator.answer("/healthz")[0] == 200


def _may_everything(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}-operator"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}],
    }


async def _disturb(plane: ControlPlane, what: str) -> None:
    if what == "killed":
        await asyncio.to_thread(plane.api_server.kill)
        await asyncio.to_thread(plane.api_server.start)
        return
    frozen = plane.api_server if what == "frozen" else plane.etcd
    frozen.pause()
    try:
        await asyncio.sleep(12)  # longer than any request is waited for
    finally:
        frozen.resume()
