"""The pod of one streamlet, as the restricted profile of Kubernetes wants it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator import names
from cloudflow_operator.desired.network import PORT_NAME
from cloudflow_operator.desired.runtime_config import SERVER_PORT
from cloudflow_operator.desired.volumes import volume_mounts, volumes

if TYPE_CHECKING:
    from cloudflow_operator.desired.children import Workload
    from cloudflow_operator.interfaces import Manifest

COMMAND: Final = ("python", "-m", "streamlet_sdk.runtime")
ADMIN_PORT: Final = 8090
ADMIN: Final = "admin"
# What a pod needs after its drain: to flush, to leave its groups, to end.
GRACE_SECONDS: Final = 10
# Enough for an interpreter, its clients' buffers and the window; a patch says better.
REQUESTS: Final = {"cpu": "100m", "memory": "256Mi"}
OF_VOLUMES: Final = {"fsGroup": 10001, "fsGroupChangePolicy": "OnRootMismatch"}
"""Lets a process write to its volumes; any group does, as the kubelet gives them to it."""


def pod_template(workload: Workload) -> Manifest:
    """The pod template before patches."""
    annotations = (
        {names.RESTARTED_AT: workload.restarted_at} if workload.restarted_at is not None else {}
    )
    metadata: dict[str, Any] = {"labels": workload.pod_labels}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": _pod(workload)}


def _pod(workload: Workload) -> Manifest:
    drain = workload.config.settings.drain_timeout
    pod = {
        "serviceAccountName": workload.service_account,
        "automountServiceAccountToken": False,
        # Variables for every Service of the namespace would reach users' code.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(drain.total_seconds()) + GRACE_SECONDS,
        "securityContext": _pod_security(workload),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": workload.identity},
            }
        ],
        "containers": [_container(workload)],
        "volumes": volumes(workload),
    }
    secrets = [{"name": one.name} for one in workload.application.spec.image_pull_secrets]
    return {**pod, "imagePullSecrets": secrets} if secrets else pod


def _pod_security(workload: Workload) -> Manifest:
    made: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if any(one.access != "ReadOnlyMany" for one in workload.descriptor.volume_mounts):
        # Without it most volumes belong to root, and nobody else may write.
        made |= OF_VOLUMES
    return made


def _container(workload: Workload) -> Manifest:
    return {
        "name": names.CONTAINER,
        "image": workload.image,
        "command": list(COMMAND),
        "env": [
            {
                "name": names.REPLICA_VARIABLE,
                "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
            }
        ],
        "ports": _ports(workload),
        # Imports of users' code come before the first answer, and may take minutes.
        "startupProbe": _probe("/livez", period=2, failures=150),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "resources": {"requests": dict(REQUESTS)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": volume_mounts(workload),
    }


def _ports(workload: Workload) -> list[Manifest]:
    ports = [{"name": ADMIN, "containerPort": ADMIN_PORT, "protocol": "TCP"}]
    if workload.descriptor.server is not None:
        ports.append({"name": PORT_NAME, "containerPort": SERVER_PORT, "protocol": "TCP"})
    return ports


def _probe(path: str, *, period: int, failures: int) -> Manifest:
    """A probe; `period` in seconds."""
    return {
        "httpGet": {"path": path, "port": ADMIN},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
