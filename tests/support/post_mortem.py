"""What somebody wants to see of a cluster when a test has failed: objects, events and logs."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from testbed.kubernetes import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60
LINES = "--tail=150"
OTHERS = {"default", "kube-node-lease", "kube-public", "kube-system"}
RESTARTS = "--output=jsonpath={.status.containerStatuses[*].restartCount}"
KINDS = "cloudflowapplications,deployments,pods,services,persistentvolumeclaims"


def told(kubeconfig: Path) -> str:
    """Of every namespace that stays: its objects, its events, and what its pods said.

    Of a container that was started again also what the one before said last.
    """
    return "\n".join(_told(kubeconfig))


def _told(kubeconfig: Path) -> Iterator[str]:
    found = json.loads(_said(kubeconfig, "get", "namespaces", "--output=json") or '{"items": []}')
    for one in found["items"]:
        name = one["metadata"]["name"]
        if name in OTHERS or "deletionTimestamp" in one["metadata"]:
            continue
        here = f"--namespace={name}"
        yield f"=== {name}"
        yield _said(kubeconfig, here, "get", KINDS, "--output=wide")
        yield _said(kubeconfig, here, "get", "events", "--sort-by=.lastTimestamp")
        for pod in _said(kubeconfig, here, "get", "pods", "--output=name").split():
            yield f"--- {pod}"
            yield _said(kubeconfig, here, "logs", pod, "--all-containers", LINES)
            if _restarts(_said(kubeconfig, here, "get", pod, RESTARTS)):
                yield f"--- {pod}, before it was started again"
                yield _said(kubeconfig, here, "logs", pod, "--previous", LINES)


def _restarts(counts: str) -> bool:
    return any(count != "0" for count in counts.split() if count.isdigit())


def _said(kubeconfig: Path, *words: str) -> str:
    """What kubectl says, also when it complains."""
    command = [str(kubectl()), f"--kubeconfig={kubeconfig}", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.stdout + done.stderr
