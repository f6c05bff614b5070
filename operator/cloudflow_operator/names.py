"""Every name, label and annotation that the operator writes; nobody else spells them.

Used by the operator and by `kubectl cloudflow`, which finds what belongs to an application by
them.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

GROUP: Final = "cloudflow.dev"

# Labels. The first two are the selector of a streamlet's pods, for ever.
APPLICATION: Final = f"{GROUP}/application"
STREAMLET: Final = f"{GROUP}/streamlet"
PART_OF: Final = "app.kubernetes.io/part-of"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
VERSION: Final = "app.kubernetes.io/version"
KAFKA_CLUSTER: Final = f"{GROUP}/kafka-cluster"
MANAGER: Final = "cloudflow"
PROGRAM: Final = "app.kubernetes.io/name"

ABOUT: Final = "cloudflow-operator"
"""The ConfigMap in which the operator says what it is, and the value of its label `PROGRAM`."""
OPERATOR_NAMESPACE: Final = "cloudflow"
"""Where the operator is, unless somebody installs it elsewhere."""

# Annotations.
INPUTS: Final = f"{GROUP}/inputs"
"""The hash of everything that a child was made of; the same hash, nothing to write."""
RENDERER: Final = f"{GROUP}/renderer"
"""The version of the form that a child was rendered in."""
RESTARTED_AT: Final = f"{GROUP}/restarted-at"
"""When an application was asked to start all its pods again; of a pod, why it did."""
PAUSED_REPLICAS: Final = f"{GROUP}/paused-replicas"
ALLOWED_NAMESPACES: Final = f"{GROUP}/allowed-namespaces"

ACCOUNT: Final = "cloudflow-operator"
"""The operator's ServiceAccount, unless somebody names another one; its roles begin so."""
LEASE: Final = "cloudflow-operator"
"""The name of the Lease that says which replica leads."""

FINALIZER: Final = f"{GROUP}/topics"

# Field managers of server-side apply.
FIELD_MANAGER: Final = "cloudflow-operator"
HANDOVER_MANAGER: Final = "cloudflow-handover"
OVERRIDES_MANAGER: Final = "kubectl-cloudflow-overrides"
DEPLOY_MANAGER: Final = "kubectl-cloudflow"
CREDENTIALS_MANAGER: Final = "kubectl-cloudflow-credentials"

CONTAINER: Final = "streamlet"
"""The name of the container that runs the streamlet."""
REPLICA_VARIABLE: Final = "CLOUDFLOW_REPLICA"
"""The variable that tells a pod's process the pod's name."""

_LONGEST: Final = 63
_HASH_LENGTH: Final = 8
# Pods are named after their Deployment with up to 17 more characters, ConfigMaps with a hash.
_LONGEST_WORKLOAD: Final = _LONGEST - 17
_NOT_IN_A_LABEL: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_IN_A_VOLUME: Final = re.compile(r"[^a-z0-9-]+")


def restart_of(streamlet: str) -> str:
    """The annotation of an application that says when one streamlet was asked to start again."""
    return f"restarted-at.{GROUP}/{streamlet}"


def digest(*parts: str, length: int = _HASH_LENGTH) -> str:
    """A short hash of `parts`; where one ends and the next begins counts."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def workload(application: str, streamlet: str) -> str:
    """The name of a streamlet's Deployment, and of what goes with it: a DNS label.

    Two different pairs never share one, whatever their dashes and lengths.
    """
    suffix = digest(application, streamlet)
    room = _LONGEST_WORKLOAD - _HASH_LENGTH - 1
    readable = f"{application}-{streamlet}"[:room].rstrip("-")
    return f"{readable}-{suffix}"


def configuration(application: str, streamlet: str, content: str) -> str:
    """The name of the immutable ConfigMap with `content`."""
    return f"{workload(application, streamlet)}-{digest(content)}"


def service_account(application: str) -> str:
    """The name of the ServiceAccount that an application's pods run under."""
    suffix = digest(application)
    return f"{application[: _LONGEST - _HASH_LENGTH - 1].rstrip('-')}-{suffix}"


def identity(application: str, streamlet: str) -> dict[str, str]:
    """The labels that select a streamlet's pods."""
    return {APPLICATION: application, STREAMLET: streamlet}


def labels(application: str, version: str, streamlet: str | None = None) -> dict[str, str]:
    """The labels of a child of an application."""
    made = {APPLICATION: application, PART_OF: application, MANAGED_BY: MANAGER}
    if streamlet is not None:
        made[STREAMLET] = streamlet
    if value := label_value(version):
        made[VERSION] = value
    return made


def label_value(text: str) -> str:
    """`text` as far as it may stand in a label's value."""
    return _NOT_IN_A_LABEL.sub("-", text)[:_LONGEST].strip("-._")


def topic(namespace: str, application: str, topic_id: str, prefix: str = "") -> str:
    """The name in Kafka of a topic that has none of its own."""
    return f"{prefix}{namespace}.{application}.{topic_id}"


def kafka_secret(cluster: str) -> str:
    """The Secret with the credentials of a Kafka cluster in an application's namespace."""
    return f"cloudflow-kafka-{cluster}"


def volume(kind: str, name: str) -> str:
    """The name of a pod's volume for the `kind` of thing that `name` names: a DNS label."""
    suffix = digest(name)
    readable = _NOT_IN_A_VOLUME.sub("-", f"{kind}-{name}")[: _LONGEST - _HASH_LENGTH - 1]
    return f"{readable.rstrip('-')}-{suffix}"
