"""The chart as Helm renders it, and other values for all that can be set."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

import yaml

from support.require import missing
from support.sources import ROOT
from testbed.helm import HelmUnavailableError, helm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import ModuleType

    Document = dict[str, Any]

CHART: Final = ROOT / "helm" / "cloudflow-operator"
NAMESPACE: Final = "cloudflow"
KUBERNETES: Final = "1.34.0"
"""The version that is rendered for."""
DIGEST: Final = f"sha256:{'ab' * 32}"
CLUSTERS: Final = {
    "default": {
        "properties": {"bootstrap.servers": "kafka-0.kafka:9092"},
        "partitions": 100_000,
        "replicationFactor": 3,
        "namePrefix": "east.",
        "allowedNamespaces": ["plant", "lab"],
    },
    "own": {"existingSecret": "kafka-admin", "allowedNamespaces": ["plant"]},
}

OTHERS: Final[dict[str, Any]] = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {
                        "matchLabels": {"app.kubernetes.io/name": "cloudflow-operator"}
                    },
                }
            ]
        }
    },
    "alerts.enabled": True,
    "alerts.labels": {"release": "prometheus"},
    "annotations": {"example.com/owner": "us"},
    "crd.install": False,
    "dashboard.annotations": {"grafana_folder": "Cloudflow"},
    "dashboard.enabled": True,
    "dashboard.labels": {"dashboards": "1"},
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "image.digest": DIGEST,
    "image.pullPolicy": "Always",
    "image.repository": "registry.example.com/cloudflow-operator",
    "image.tag": "1.2.3",
    "imagePullSecrets": [{"name": "registry"}],
    "kafkaClusters": CLUSTERS,
    "labels": {"example.com/team": "streams"},
    "metrics.podMonitor.enabled": True,
    "metrics.podMonitor.interval": "5s",
    "metrics.podMonitor.labels": {"release": "prometheus"},
    "metrics.serviceMonitor.enabled": True,
    "metrics.serviceMonitor.interval": "1m30s",
    "metrics.serviceMonitor.labels": {"release": "prometheus"},
    "metrics.streamlets.enabled": True,
    "metrics.streamlets.interval": "5s",
    "metrics.streamlets.labels": {"release": "prometheus"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "podAnnotations": {"example.com/injected": "false"},
    "podDisruptionBudget.enabled": False,
    "podLabels": {"example.com/pod": "yes", "app.kubernetes.io/name": "not-ours"},
    "podSecurityContext": {"runAsUser": 12345, "fsGroup": 12345},
    "priorityClassName": "system-cluster-critical",
    "rbac.create": False,
    "rbac.everyoneMaySee": False,
    "replicas": 3,
    "resources": {"requests": {"cpu": "1"}},
    "securityContext": {"runAsGroup": 7},
    "serviceAccount.annotations": {"example.com/role": "operator"},
    "serviceAccount.create": False,
    "serviceAccount.name": "another",
    "settings.leaseDeadline": "PT20S",
    "settings.leaseDuration": "PT1M",
    "settings.leasePeriod": "PT2.5S",
    "settings.logFormat": "json",
    "settings.logLevel": "debug",
    "settings.port": 9090,
    "settings.probePeriod": "PT2M",
    "settings.workers": 1_000_000,
    "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
        }
    ],
    "watchNamespaces": ["plant", "lab"],
}
"""Another value than the default, for each."""

BESIDE: Final[dict[str, dict[str, Any]]] = {
    "alerts.labels": {"alerts.enabled": True},
    "dashboard.annotations": {"dashboard.enabled": True},
    "dashboard.labels": {"dashboard.enabled": True},
    "metrics.podMonitor.interval": {"metrics.podMonitor.enabled": True},
    "metrics.podMonitor.labels": {"metrics.podMonitor.enabled": True},
    "metrics.serviceMonitor.interval": {"metrics.serviceMonitor.enabled": True},
    "metrics.serviceMonitor.labels": {"metrics.serviceMonitor.enabled": True},
    "metrics.streamlets.interval": {"metrics.streamlets.enabled": True},
    "metrics.streamlets.labels": {"metrics.streamlets.enabled": True},
    "podDisruptionBudget.enabled": {"replicas": 2},
    "settings.leaseDeadline": {"settings.leaseDuration": "PT1M"},
}
"""What else has to be set for a value to mean anything."""


class RefusedError(Exception):
    """Helm refuses the values; the message is what a user reads."""


def rendered(values: Mapping[str, Any]) -> list[Document]:
    """What the chart installs with these values, by their paths with dots.

    Raises:
        RefusedError: when they cannot be used.
    """
    return copy.deepcopy(_rendered(json.dumps(values, sort_keys=True)))


@functools.cache
def _rendered(values: str) -> list[Document]:
    words = ["template", "cloudflow", str(CHART), f"--namespace={NAMESPACE}"]
    done = run(*words, f"--kube-version={KUBERNETES}", *settings(json.loads(values)))
    if done.returncode:
        raise RefusedError(done.stderr)
    # By libyaml, as the definition is long.
    return [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each is not None]


def settings(values: Mapping[str, Any]) -> list[str]:
    """Words for Helm that set values."""
    return [
        word
        for path, value in values.items()
        for word in ("--set-json", f"{path}={json.dumps(value)}")
    ]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """What Helm says."""
    command = ["nice", "-n", "10", str(program()), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def program() -> Path:
    """Helm; skips, or fails where a control plane is required, when there is none."""
    try:
        return helm()
    except HelmUnavailableError as error:
        missing("kubernetes", str(error))


def only(documents: list[Document], kind: str) -> Document:
    """The one of a kind."""
    [found] = [each for each in documents if each["kind"] == kind]
    return found


def container(documents: list[Document]) -> Document:
    """That of the operator."""
    [found] = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def generator() -> ModuleType:
    """`helm/generate.py`."""
    spec = importlib.util.spec_from_file_location("generate_chart", ROOT / "helm" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
