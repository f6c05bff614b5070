"""A whole node of Kubernetes on a machine of its own: containerd, kubelet and kube-proxy.

`testbed.cluster` adds what runs on this machine: control plane, Kafka, registry. Pods reach this
machine's address on the link, each other and Services, and nothing else; this machine reaches pods
and Services. There is no DNS for names of Services, and every other name fails at once.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from testbed import images
from testbed.binaries import program
from testbed.packages import NodeUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.machine import Machine
    from testbed.process import Wrapped
    from testbed.registry import Account

NAME = "node-1"
USERS = {
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
}
"""Name and group by user of what comes to the API server from the node, as `Site` takes it."""

CNI = "/usr/lib/cni"
SOCKET = "/run/containerd/containerd.sock"
CTR = ("ctr", "--address", SOCKET, "--namespace", "k8s.io")
HEALTH = {"kubelet": 10248, "kube-proxy": 10256}
CONTAINERD = """\
version = 2
root = "{folder}/root"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  # Not everybody who is root may make a process less likely to be killed.
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/registries"
"""


class Node:
    """The one node of a cluster; its parts can be killed, paused and started again.

    Attributes:
        containerd: runs containers; they live on without it.
        kubelet: starts, probes and ends pods.
        kube_proxy: leads from Services to pods.
    """

    def __init__(self, machine: Machine, control_plane: Path) -> None:
        """Start nothing yet; `machine` runs, `control_plane` is the folder of that one.

        Raises:
            KubernetesUnavailableError: when kubelet or kube-proxy cannot be had.
        """
        self.machine = machine
        self._folder = machine.folder
        self._control_plane = control_plane
        self.containerd = self._containerd()
        self.kubelet = self._kubelet()
        self.kube_proxy = self._kube_proxy()

    def start_containerd(self) -> None:
        """Start it, with the image that every pod needs; raises as `Process.start` does."""
        archive = images.pause()
        self.containerd.start()
        self.machine.run(*CTR, "images", "import", str(archive))

    def trust(self, registry: Account) -> None:
        """Let containerd pull from it; pods give name and password."""
        folder = self._folder / "containerd" / "registries" / registry.address
        folder.mkdir(parents=True)
        server = f"https://{registry.address}"
        folder.joinpath("hosts.toml").write_text(
            f'server = "{server}"\n[host."{server}"]\n  ca = "{registry.authority}"\n'
        )

    def start(self) -> None:
        """Start the rest, which talks to the API server; raises as `Process.start` does."""
        parts = (self.kubelet, self.kube_proxy)
        for part in parts:
            part.launch()
        for part in parts:
            part.await_serving()

    def _containerd(self) -> Wrapped:
        folder = self._folder / "containerd"
        folder.joinpath("cni").mkdir(parents=True)
        network = {"type": "host-local", "ranges": [[{"subnet": self.machine.pods}]]}
        # Pods have a link each, not a bridge: every packet meets the rules of kube-proxy so.
        link = {"type": "ptp", "ipam": network | {"routes": [{"dst": "0.0.0.0/0"}]}}
        plugins = {"cniVersion": "0.4.0", "name": "pods", "plugins": [link]}
        folder.joinpath("cni", "10-pods.conflist").write_text(json.dumps(plugins))
        config = folder / "config.toml"
        config.write_text(
            CONTAINERD.format(folder=folder, socket=SOCKET, pause=images.PAUSE, cni=CNI)
        )
        command = ("containerd", "--config", str(config))
        return self.machine.process("containerd", command, self._containerd_answers)

    def _kubelet(self) -> Wrapped:
        folder = self._folder / "kubelet"
        folder.mkdir()
        folder.joinpath("resolv.conf").write_text(f"nameserver {self.machine.host}\n")
        settings = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(self._control_plane / "authority.pem")},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.machine.cgroup}",
            "failCgroupV1": False,
            "enforceNodeAllocatable": ["pods"],
            "failSwapOn": False,
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "resolvConf": str(folder / "resolv.conf"),
            "volumePluginDir": str(folder / "plugins"),
            "healthzBindAddress": self.machine.address,
            # The disk is this machine's, and so is what fills it.
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
            },
            "imageGCHighThresholdPercent": 100,
        }
        folder.joinpath("config.json").write_text(json.dumps(settings))
        flags = (
            f"--config={folder / 'config.json'}",
            f"--kubeconfig={self._control_plane / 'kubelet.kubeconfig'}",
            f"--root-dir={folder / 'root'}",
            f"--hostname-override={NAME}",
            f"--node-ip={self.machine.address}",
        )
        return self._process("kubelet", flags)

    def _kube_proxy(self) -> Wrapped:
        flags = (
            f"--kubeconfig={self._control_plane / 'kube-proxy.kubeconfig'}",
            "--proxy-mode=iptables",
            f"--healthz-bind-address={self.machine.address}",
            f"--cluster-cidr={self.machine.pods}",
            f"--hostname-override={NAME}",
            "--iptables-min-sync-period=100ms",
            # These belong to all of this machine.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
        )
        return self._process("kube-proxy", flags)

    def _process(self, name: str, flags: tuple[str, ...]) -> Wrapped:
        command = (str(program(name)), *flags)
        return self.machine.process(name, command, functools.partial(self._is_well, name))

    def _is_well(self, name: str) -> bool:
        connection = http.client.HTTPConnection(self.machine.address, HEALTH[name], timeout=2)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == HTTPStatus.OK
        return False

    def _containerd_answers(self) -> bool:
        with contextlib.suppress(NodeUnavailableError):
            return bool(self.machine.run(*CTR, "version"))
        return False
