"""Pods for a node of tests: small Python programs in the base image, under the strictest rules."""

from __future__ import annotations

import asyncio
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from support.kube import Document, Kube, document, eventually
from testbed.kubernetes import kubectl
from testbed.node import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.cluster import Cluster, Parts

PULL_SECRET = "registry"
"""The name of the Secret with which pods pull their image."""

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""Labels of a namespace that takes no pod which may do more than it has to."""

USER = 10_001


def pull_secret(namespace: str, settings: str, name: str = PULL_SECRET) -> Document:
    """The Secret that `Account.pull_secret` describes."""
    return document(
        "v1",
        "Secret",
        name,
        namespace,
        type="kubernetes.io/dockerconfigjson",
        stringData={".dockerconfigjson": settings},
    )


def disk(name: str, namespace: str, folder: Path) -> tuple[Document, Document]:
    """A volume of the node's in `folder`, and the claim of a namespace that alone gets it."""
    folder.mkdir(parents=True)
    size, modes = {"storage": "1Mi"}, ["ReadWriteOnce"]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    volume = {
        "accessModes": modes,
        "capacity": size,
        "claimRef": {"name": name, "namespace": namespace},
        "local": {"path": str(folder)},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        "storageClassName": "",
    }
    claim = {"accessModes": modes, "resources": {"requests": size}, "storageClassName": ""}
    return (
        document("v1", "PersistentVolume", f"{namespace}-{name}", spec=volume),
        document("v1", "PersistentVolumeClaim", name, namespace, spec=claim),
    )


def python_pod(name: str, namespace: str, image: str, program: str, **container: Any) -> Document:
    """One that runs `program` once; `container` are more fields of its container.

    Volumes that it mounts are claims of the same names.
    """
    mounts = container.get("volumeMounts", ())
    volumes = [
        {"name": each["name"], "persistentVolumeClaim": {"claimName": each["name"]}}
        for each in mounts
    ]
    main = {
        "name": "main",
        "image": image,
        "command": ["python3", "-u", "-c", textwrap.dedent(program)],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m"}},
    }
    spec = {
        "containers": [main | container],
        "imagePullSecrets": [{"name": PULL_SECRET}],
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 1,
        "volumes": volumes,
    }
    made = document("v1", "Pod", name, namespace, spec=spec)
    made["metadata"]["labels"] = {"app": name}
    return made


@dataclass(frozen=True)
class Pods:
    """Those of one namespace, which has the secret to pull their image with."""

    kube: Kube
    namespace: str
    image: str

    async def run(self, name: str, program: str, **container: Any) -> Document:
        """It when it has ended, well or not."""
        return await self.start(name, program, "Succeeded", "Failed", **container)

    async def serve(self, name: str, program: str, **container: Any) -> Document:
        """It when it runs."""
        return await self.start(name, program, "Running", **container)

    async def start(self, name: str, program: str, *phases: str, **container: Any) -> Document:
        """It when it has one of `phases`."""
        pod = python_pod(name, self.namespace, self.image, program, **container)
        await self.kube.create(pod)
        return await self.reaches(pod, *phases)

    async def reaches(self, pod: Document, *phases: str) -> Document:
        """It when it has one of `phases`."""

        async def found() -> Document:
            now = await self.kube.read(pod)
            return now if now["status"].get("phase") in phases else {}

        return await eventually(found, f"{pod['metadata']['name']} that is one of {phases}")

    async def logs(self, pod: Document) -> str:
        """What its container has written."""
        return await self.kubectl("logs", pod["metadata"]["name"])

    async def kubectl(self, *words: str) -> str:
        """What `kubectl` says in this namespace, well or not."""
        asked = ("--kubeconfig", str(self.kube.kubeconfig), "--namespace", self.namespace)
        process = await asyncio.create_subprocess_exec(
            *(str(kubectl()), *asked, *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return said.decode()


def own(cluster: Cluster) -> Parts:
    """What it is made of; skips the test when it is somebody else's."""
    if cluster.parts is None:
        pytest.skip("needs a cluster of the test session's own, to break it or look into it")
    return cluster.parts
