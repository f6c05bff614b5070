"""One leader on a real API server, by a Lease, whatever becomes of the leader's process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chaos.proxy import Proxy
from cloudflow_operator.election import PATIENCE, USUAL, Candidate, Election, Terms
from cloudflow_operator.requests import connected
from cloudflow_operator.rights import Installation
from support.candidate import Now, Replica
from support.installed import installed
from support.kube import document, eventually
from testbed import kubeconfig
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from support.kube import Document, Kube

QUICK = Terms(timedelta(seconds=6), timedelta(seconds=4), timedelta(seconds=0.3))
TAKEN_OVER = 20.0
"""Seconds within which another replica leads."""


@pytest.fixture
async def account(kube: Kube, namespace: str, tmp_path: Path) -> AsyncIterator[Path]:
    """The operator's own, with its rights and no more."""
    installation = Installation(namespace=namespace, watches=[namespace])
    async with installed(kube, installation, tmp_path) as theirs:
        yield theirs


@contextlib.asynccontextmanager
async def standing(
    file: Path, namespace: str, identity: str, ended: Callable[[], None] | None = None
) -> AsyncIterator[Election]:
    async with connected(file, PATIENCE) as requests:
        candidate = Candidate(identity=identity, namespace=namespace)
        end = ended or (lambda: pytest.fail("it ended"))
        election = Election(requests, candidate, Now(), terms=QUICK, end=end)
        task = asyncio.create_task(election.run())
        try:
            yield election
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await election.release()


def lease(namespace: str) -> Document:
    return document("coordination.k8s.io/v1", "Lease", "cloudflow-operator", namespace)


async def test_a_leader_gives_the_lease_to_the_next(
    kube: Kube, account: Path, namespace: str
) -> None:
    async with contextlib.AsyncExitStack() as later:
        async with standing(account, namespace, "a") as first:
            await first.leading.wait()
            second = await later.enter_async_context(standing(account, namespace, "b"))
            found = await kube.read(lease(namespace))
            assert found["spec"]["holderIdentity"] == "a"
            assert not second.leading.is_set()
        await second.leading.wait()
        found = await kube.read(lease(namespace))
        assert found["spec"]["holderIdentity"] == "b"
        assert found["spec"]["leaseTransitions"] == 1
    found = await kube.read(lease(namespace))
    assert not found["spec"].get("holderIdentity")


async def test_a_lease_that_is_deleted_or_edited_stays_with_its_leader(
    kube: Kube, account: Path, namespace: str
) -> None:
    async with standing(account, namespace, "a") as first:
        await first.leading.wait()
        async with standing(account, namespace, "b") as second:

            async def is_known() -> bool:
                return second._record.get("holderIdentity") == "a"

            await eventually(is_known, "the other one to know the leader")
            await kube.delete(lease(namespace))

            async def is_back() -> bool:
                found = await kube.find(lease(namespace))
                return found is not None and found["spec"]["holderIdentity"] == "a"

            await eventually(is_back, "the leader makes its Lease again")
            before = await kube.merge(lease(namespace), {"spec": {"renewTime": None}})

            async def is_renewed() -> bool:
                found = await kube.read(lease(namespace))
                return found["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]

            await eventually(is_renewed, "the leader renews an edited Lease")
            assert first.leading.is_set()
            assert not second.leading.is_set()


async def test_a_leader_whose_account_is_gone_says_so_and_ends(
    kube: Kube, account: Path, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()
    async with standing(account, namespace, "a", ended.set) as first:
        await first.leading.wait()
        await kube.delete(document("v1", "ServiceAccount", "cloudflow-operator", namespace))
        async with asyncio.timeout(60):
            await ended.wait()
    assert [one for one in caplog.messages if "does not know the token" in one]


async def test_a_missing_right_is_named(
    kube: Kube, namespace: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = await kube.account(namespace, "nobody", tmp_path)
    async with standing(theirs, namespace, "a") as election:

        async def is_told() -> bool:
            return any('cannot get resource "leases"' in one for one in caplog.messages)

        await eventually(is_told, "the log names the right")
        assert not election.leading.is_set()


# Processes


class Pair:
    """Two candidates' processes; the first one leads, by a way that can be cut."""

    def __init__(self, folder: Path, file: Path, namespace: str) -> None:
        found = json.loads(file.read_text())
        (port,) = free_ports(1)
        host, _, target = found["clusters"][0]["cluster"]["server"].rpartition(":")
        self.way = Proxy(port, int(target))
        found["clusters"][0]["cluster"]["server"] = f"{host}:{port}"
        by_the_way = kubeconfig.write(folder / "by-the-way", found)
        self.leader = Replica(folder, by_the_way, namespace, "leader")
        self.other = Replica(folder, file, namespace, "other")

    async def kill(self) -> None:
        self.leader.process.kill()

    async def pause(self) -> None:
        self.leader.process.pause()

    async def hole(self) -> None:
        await self.way.cut("hole")

    async def taken_over(self) -> None:
        async def leads() -> bool:
            return bool(self.other.beats())

        await eventually(leads, "the other replica leads")


@pytest.fixture
async def pair(account: Path, namespace: str, tmp_path: Path) -> AsyncIterator[Pair]:
    made = Pair(tmp_path, account, namespace)
    async with made.way:
        try:
            made.leader.process.launch()

            async def leads() -> bool:
                return bool(made.leader.beats())

            await eventually(leads, "the first replica leads")
            made.other.process.launch()
            # It has looked, and waits.
            await asyncio.sleep(2 * USUAL.period.total_seconds())
            assert made.other.process.is_alive
            yield made
        finally:
            made.leader.process.kill()
            made.other.process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Pair.kill, Pair.pause, Pair.hole], ids=lambda one: one.__name__)
async def test_another_leads_when_the_leader_is_lost(
    pair: Pair, fault: Callable[[Pair], Awaitable[None]]
) -> None:
    await fault(pair)
    await pair.taken_over()
    pair.leader.process.resume()
    await pair.way.mend()

    async def is_over() -> bool:
        return not pair.leader.process.is_alive

    await eventually(is_over, "the process that led has ended")
    began = pair.other.beats()[0]
    led = [beat for beat in pair.leader.beats() if beat < began]
    assert began - led[-1] <= TAKEN_OVER
    # What was about to be written when the process was stopped is written when it goes on.
    assert len(pair.leader.beats()) - len(led) <= 1
    assert pair.other.process.is_alive
