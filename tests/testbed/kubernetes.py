"""A real control plane of Kubernetes for tests: etcd, API server, controllers and scheduler.

There is no node (`testbed.node` adds one): Pods stay pending, and a test plays the kubelet by
setting status. `control_plane` serves whatever needs one of its own, whose parts it may kill, pause
and start again; `running` serves a test session, `python -m testbed.kubernetes up|down` people.
Each has free ports and a folder of its own, and asks everybody for a token, with RBAC as Kubernetes
comes. With `CLOUDFLOW_TEST_KUBECONFIG=file` `running` starts nothing, and uses the file's current
context.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import ipaddress
import os
import secrets
import shutil
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.require import missing
from testbed import kubeconfig
from testbed.binaries import KubernetesUnavailableError, program
from testbed.certificates import Authority
from testbed.keeping import cache
from testbed.ports import free_ports
from testbed.process import DidNotStartError, Process, end_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EXISTING = "CLOUDFLOW_TEST_KUBECONFIG"
HOST = "127.0.0.1"
CONTROLLERS = ("kube-controller-manager", "kube-scheduler")
# Names and groups; what the parts may do comes with RBAC's first roles, by their names.
USERS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
}
# The rates that they come with let a thousand Deployments wait for minutes.
RATE = ("--kube-api-qps=500", "--kube-api-burst=1000")
STARTING = (KubernetesUnavailableError, DidNotStartError)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a control plane is, and for whom.

    Attributes:
        host: the address of this machine that the API server has; nodes and pods must reach it.
        services: the addresses that Services get.
        users: name and group, by user, of who comes to it beside `USERS`.
        api_server: more flags of its program.
    """

    host: str = HOST
    services: str = "10.96.0.0/16"
    users: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    api_server: Sequence[str] = ()

    def names(self) -> tuple[str, ...]:
        """What the API server is called by those that trust its certificate."""
        service = str(ipaddress.ip_network(self.services)[1])
        return (self.host, HOST, "localhost", "kubernetes.default.svc", service)


class ControlPlane:
    """Parts that have their ports, certificates and tokens for its whole life.

    Attributes:
        server: the API server's URL.
        authority: PEM of who signed the API server's certificate.
        kubeconfig: file of an administrator who may everything.
    """

    def __init__(self, folder: Path, site: Site | None = None) -> None:
        """Start nothing yet."""
        authority = Authority()
        self.authority = authority.pem
        self._folder = folder
        self._site = site or Site()
        self._ports = _ports("etcd", "peers", "api", *CONTROLLERS)
        self._tls = ssl.create_default_context(cadata=authority.pem)
        self.server = f"https://{self._site.host}:{self._ports['api']}"
        self.kubeconfig = folder / "admin.kubeconfig"
        self._introduce(USERS | dict(self._site.users))
        folder.joinpath("authority.pem").write_text(authority.pem)
        for name, identity in {
            "serving": authority.identity(*self._site.names()),
            "signing": authority.identity("service-accounts"),
            "kubelet-client": authority.identity("client", common_name="kube-apiserver"),
        }.items():
            folder.joinpath(f"{name}.key").write_text(identity.key)
            folder.joinpath(f"{name}.pem").write_text(identity.chain)

    @functools.cached_property
    def etcd(self) -> Process:
        """The store; without it the API server answers nothing new.

        Raises:
            KubernetesUnavailableError: when it cannot be had; so do the other parts.
        """
        clients, peers = (f"http://{HOST}:{self._ports[name]}" for name in ("etcd", "peers"))
        flags = (
            f"--data-dir={self._folder / 'etcd' / 'data'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        return self._process("etcd", "etcd", "/health", flags)

    @functools.cached_property
    def api_server(self) -> Process:
        """What all others talk to; killed and started again it has all that it had."""
        flags = (
            f"--etcd-servers=http://{HOST}:{self._ports['etcd']}",
            f"--bind-address={self._site.host}",
            f"--advertise-address={self._site.host}",
            # Loopback would be an endpoint that the server itself refuses.
            *(("--endpoint-reconciler-type=none",) if self._site.host == HOST else ()),
            f"--cert-dir={self._folder}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self._folder / 'signing.key'}",
            f"--service-account-key-file={self._folder / 'signing.pem'}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={self._site.services}",
            f"--kubelet-client-certificate={self._folder / 'kubelet-client.pem'}",
            f"--kubelet-client-key={self._folder / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            *self._site.api_server,
        )
        return self._process("kube-apiserver", "api", "/readyz", flags)

    @functools.cached_property
    def controller_manager(self) -> Process:
        """The controllers: of Deployments, namespaces, garbage and so on, each with its rights."""
        flags = (
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self._folder / 'signing.key'}",
            f"--root-ca-file={self._folder / 'authority.pem'}",
        )
        return self._controller("kube-controller-manager", flags)

    @functools.cached_property
    def scheduler(self) -> Process:
        """What finds a node for a Pod, or says why there is none."""
        return self._controller("kube-scheduler", ())

    def start(self) -> None:
        """Start etcd and the API server; the first roles are there then.

        Raises:
            KubernetesUnavailableError: when one cannot be had.
            DidNotStartError: when one ends, or does not serve in time.
        """
        self.etcd.start()
        self.api_server.start()

    def start_controllers(self) -> None:
        """Start controllers and scheduler; raises as `start` does."""
        parts = (self.controller_manager, self.scheduler)
        for part in parts:
            part.launch()
        for part in parts:
            part.await_serving()

    def stop(self) -> None:
        """End all at once; what they have in memory is of no use any more."""
        for part in vars(self).values():
            if isinstance(part, Process):
                part.kill()

    def _introduce(self, users: Mapping[str, tuple[str, str]]) -> None:
        """Give each of `users` a token, and a kubeconfig with it."""
        rows: list[str] = []
        for user, (name, group) in users.items():
            token = secrets.token_hex(16)
            rows.append(f"{token},{name},{user},{group}\n")
            made = kubeconfig.document(self.server, self.authority, token)
            kubeconfig.write(self._folder / f"{user}.kubeconfig", made)
        self._folder.joinpath("tokens.csv").write_text("".join(rows))

    def _controller(self, name: str, flags: Sequence[str]) -> Process:
        common = (
            f"--kubeconfig={self._folder / name}.kubeconfig",
            f"--bind-address={HOST}",
            "--leader-elect=false",
            *RATE,
        )
        return self._process(name, name, "/healthz", (*common, *flags))

    def _process(self, name: str, port: str, path: str, flags: Sequence[str]) -> Process:
        secured = (
            f"--secure-port={self._ports[port]}",
            f"--tls-cert-file={self._folder / 'serving.pem'}",
            f"--tls-private-key-file={self._folder / 'serving.key'}",
        )
        command = (str(program(name)), *flags, *(() if name == "etcd" else secured))
        serves = functools.partial(self._answers, name, self._ports[port], path)
        return Process(self._folder / name, command, serves)

    def _answers(self, name: str, port: int, path: str) -> bool:
        host = self._site.host if name == "kube-apiserver" else HOST
        connection = (
            http.client.HTTPConnection(host, port, timeout=2)
            if name == "etcd"
            else http.client.HTTPSConnection(host, port, timeout=2, context=self._tls)
        )
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        return False


@contextlib.contextmanager
def control_plane(
    *, controllers: bool = True, api_server: Sequence[str] = ()
) -> Iterator[ControlPlane]:
    """One that serves; skips, or fails where Kubernetes is required, when there can be none.

    Without `controllers` nothing happens to what is written: no ReplicaSets, no ServiceAccounts by
    default, and what is deleted keeps its dependents and namespaces. `api_server` are more flags.
    """
    with tempfile.TemporaryDirectory(prefix="cloudflow-kubernetes-") as folder:
        made = ControlPlane(Path(folder), Site(api_server=api_server))
        try:
            try:
                made.start()
                if controllers:
                    made.start_controllers()
            except STARTING as error:
                missing("kubernetes", str(error))
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def running() -> Iterator[Path]:
    """An administrator's kubeconfig; skips, or fails where required, when there can be none.

    Controllers run unless `without_controllers` says why not.

    Raises:
        ForeignClusterError: when a cluster is named that nobody has said is for tests.
    """
    existing = os.environ.get(EXISTING)
    if not existing:
        with control_plane(controllers=not without_controllers()) as made:
            yield made.kubeconfig
        return
    with tempfile.TemporaryDirectory(prefix="cloudflow-kubernetes-") as folder:
        found = kubeconfig.pinned(Path(existing))
        yield kubeconfig.write(Path(folder, "kubeconfig"), found)


def without_controllers() -> str:
    """Why nothing happens to what is written to the API server of `running`; empty if it does."""
    if os.environ.get(EXISTING):
        return ""
    try:
        for name in CONTROLLERS:
            program(name)
    except KubernetesUnavailableError as error:
        return str(error)
    return ""


def kubectl() -> Path:
    """The command; one that a person has is good for a cluster that a person names.

    Raises:
        KubernetesUnavailableError: when there is none.
    """
    found = shutil.which("kubectl") if os.environ.get(EXISTING) else None
    return Path(found) if found else program("kubectl")


def _ports(*names: str) -> dict[str, int]:
    return dict(zip(names, free_ports(len(names)), strict=True))


def _up(folder: Path) -> None:
    _down(folder)
    folder.mkdir(parents=True)
    made = ControlPlane(folder)
    made.start()
    made.start_controllers()
    for name in (EXISTING, "KUBECONFIG"):
        sys.stdout.write(f"export {name}={made.kubeconfig}\n")
    sys.stdout.write(f"export PATH={program('kubectl').parent}:$PATH\n")


def _down(folder: Path) -> None:
    end_recorded(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    {"up": _up, "down": _down}[sys.argv[1]](cache() / "control-plane")
