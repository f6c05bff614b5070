"""A cluster of real parts for tests: a node, its control plane, a registry of images and Kafka.

`whole` serves whatever needs one of its own, whose parts it may kill and start again; `running`
serves a test session, `python -m testbed.cluster up|down|prepare` people. Each has a range of
addresses, a folder and a machine of its own, and leaves nothing behind; what it could not remove,
because it was killed itself, is removed by `down` or by the next one that starts. With
`CLOUDFLOW_TEST_KUBECONFIG=file` `running` starts nothing, and the variables of `VARIABLES` say
where the rest is.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from support.require import missing
from testbed import images, kubeconfig, packages
from testbed.binaries import KubernetesUnavailableError, program
from testbed.claims import claimed, sweep
from testbed.jars import KafkaUnavailableError, jars
from testbed.kafka import EXISTING as KAFKA
from testbed.kafka import KafkaCluster, Layout
from testbed.kubernetes import EXISTING, ControlPlane, Site
from testbed.machine import Machine, run
from testbed.node import NAME, USERS, Node
from testbed.packages import NodeUnavailableError
from testbed.process import DidNotStartError
from testbed.registry import Account, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.claims import Claim

REGISTRY = "CLOUDFLOW_TEST_REGISTRY"
AUTHORITY = "CLOUDFLOW_TEST_REGISTRY_AUTHORITY"
BASE_IMAGE = "CLOUDFLOW_TEST_BASE_IMAGE"
HOST = "CLOUDFLOW_TEST_HOST"
VARIABLES = {
    REGISTRY: "https://user:password@host:port of a registry that pods may pull from",
    BASE_IMAGE: "an image there that has Python 3.11 or later, with pip",
    KAFKA: "host:port of a broker, the same for tests and for pods",
    HOST: "an address of this machine that pods reach",
}
"""What has to be told of a cluster that is there; `AUTHORITY` is optional, a file of PEM."""

READY = "--timeout=90s"
STARTING = (
    DidNotStartError,
    KafkaUnavailableError,
    KubernetesUnavailableError,
    NodeUnavailableError,
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a cluster of `whole` is made of, to be broken.

    Attributes:
        folder: one that is removed with the cluster, and processes that are recorded in it end.
    """

    folder: Path
    control_plane: ControlPlane
    kafka: KafkaCluster
    node: Node
    registry: Registry


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where everything is.

    Attributes:
        kubeconfig: of an administrator.
        registry: who may push and pull; pods need a pull secret.
        base_image: its name in the registry, with its digest.
        kafka: a broker's `host:port`, the same for pods and here.
        host: this machine's address for pods; other brokers for them may be there.
        parts: what may be broken; None when the cluster is not of this process's making.
    """

    kubeconfig: Path
    registry: Account
    base_image: str
    kafka: str
    host: str
    parts: Parts | None = None


def prepare() -> None:
    """Make what is kept between runs and is not there yet; it takes minutes, once.

    Raises:
        KafkaUnavailableError: when Kafka cannot be had.
        KubernetesUnavailableError: when Kubernetes cannot be had.
        NodeUnavailableError: when programs or images cannot be had.
    """
    packages.check()
    program("kubelet")
    jars()
    images.base()
    images.pause()


@contextlib.contextmanager
def whole() -> Iterator[Cluster]:
    """One whose node is ready; skips, or fails where a node is required, when there can be none."""
    with contextlib.ExitStack() as stack:
        try:
            prepare()
            claim = stack.enter_context(claimed())
            made = stack.enter_context(_started(claim))
        except STARTING as error:
            missing("node", str(error))
        yield made


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """The cluster of a test session; skips, or fails where required, when there can be none.

    Raises:
        ForeignClusterError: when a cluster is named that nobody has said is for tests.
    """
    named = os.environ.get(EXISTING)
    if not named:
        with whole() as made:
            yield made
        return
    if untold := [name for name in VARIABLES if not os.environ.get(name)]:
        missing("node", f"{EXISTING} names a cluster, and nothing says {', '.join(untold)}")
    with tempfile.TemporaryDirectory(prefix="cloudflow-cluster-") as folder:
        found = kubeconfig.pinned(Path(named))
        yield _existing(kubeconfig.write(Path(folder, "kubeconfig"), found))


def _existing(path: Path) -> Cluster:
    url = urlsplit(os.environ[REGISTRY])
    authority = os.environ.get(AUTHORITY)
    account = Account(
        address=url.netloc.rpartition("@")[2],
        user=url.username or "",
        password=url.password or "",
        authority=Path(authority) if authority else None,
    )
    return Cluster(
        kubeconfig=path,
        registry=account,
        base_image=os.environ[BASE_IMAGE],
        kafka=os.environ[KAFKA],
        host=os.environ[HOST],
    )


@contextlib.contextmanager
def _started(claim: Claim) -> Iterator[Cluster]:
    """All parts on the claim's addresses; they end with it, unless it stays."""
    machine = Machine(claim)
    parts: Parts | None = None
    try:
        machine.start()
        parts = _parts(machine)
        image = _start(parts)
        yield Cluster(
            kubeconfig=parts.control_plane.kubeconfig,
            registry=parts.registry.account,
            base_image=image,
            kafka=parts.kafka.bootstrap,
            host=machine.host,
            parts=parts,
        )
    finally:
        if not claim.stays():
            machine.stop()
            if parts is not None:
                _stop(parts)


def _parts(machine: Machine) -> Parts:
    folder = machine.folder
    site = Site(host=machine.host, services=machine.services, users=USERS)
    plane = folder / "control-plane"
    plane.mkdir()
    return Parts(
        folder=folder,
        control_plane=ControlPlane(plane, site),
        kafka=KafkaCluster(folder / "kafka", Layout(host=machine.host)),
        node=Node(machine, plane),
        registry=Registry(folder / "registry", machine.host),
    )


def _start(parts: Parts) -> str:
    """Start all at the same time, as far as they do not need each other; the base image."""
    parts.node.trust(parts.registry.account)

    def control_plane() -> None:
        parts.control_plane.start()
        parts.control_plane.start_controllers()

    def kafka() -> None:
        parts.kafka.format()
        parts.kafka.start()

    def registry() -> str:
        parts.registry.process.start()
        return parts.registry.account.push(images.base(), images.BASE)

    with ThreadPoolExecutor() as pool:
        begun = [pool.submit(each) for each in (kafka, parts.node.start_containerd)]
        image = pool.submit(registry)
        control_plane()
        begun.append(pool.submit(_start_node, parts))
        for each in begun:
            each.result()
        return image.result()


def _start_node(parts: Parts) -> None:
    parts.node.start()
    asked = (str(program("kubectl")), "--kubeconfig", str(parts.control_plane.kubeconfig))
    for state in ("create", "condition=Ready"):
        run(*asked, "wait", f"--for={state}", READY, f"node/{NAME}")


def _stop(parts: Parts) -> None:
    for part in (parts.node.kubelet, parts.node.kube_proxy, parts.node.containerd):
        part.kill()
    parts.control_plane.stop()
    parts.kafka.stop()
    parts.registry.process.kill()


def _up() -> None:
    sweep(stayed=True)
    prepare()
    with claimed() as claim, _started(claim) as made:
        claim.stay()
        account = made.registry
        told = {
            EXISTING: made.kubeconfig,
            "KUBECONFIG": made.kubeconfig,
            REGISTRY: f"https://{account.user}:{account.password}@{account.address}",
            AUTHORITY: account.authority,
            BASE_IMAGE: made.base_image,
            KAFKA: made.kafka,
            HOST: made.host,
            "PATH": f"{program('kubectl').parent}:$PATH",
        }
    for name, value in told.items():
        sys.stdout.write(f"export {name}={value}\n")


def _down() -> None:
    sweep(stayed=True)


if __name__ == "__main__":
    {"up": _up, "down": _down, "prepare": prepare}[sys.argv[1]]()
