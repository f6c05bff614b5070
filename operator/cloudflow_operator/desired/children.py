"""What all children of an application have in common: name, labels, owner, hash.

`Workload` is everything that the children of one streamlet may depend on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator import names
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from cloudflow_operator.desired.runtime_config import (
    canonical,
    files,
    is_reference,
    streamlet_config,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_operator.api.v1alpha1 import Application, ParameterValueSource
    from cloudflow_operator.desired.clusters import KafkaCluster
    from cloudflow_operator.desired.effective import Patch
    from cloudflow_operator.desired.intent import Intent
    from cloudflow_operator.interfaces import Kind, Manifest
    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.contract import StreamletConfig

RENDERER: Final = "1"
"""The form in which children are written; raised when the same inputs give another manifest."""
_HASH_LENGTH: Final = 16


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Everything that the children of a streamlet may depend on.

    Attributes:
        replicas: None leaves the count to others; 0 while the application is paused.
        asked_replicas: the count as it is when the application runs.
        clusters: the Kafka clusters of its ports, by name.
        references: where the values of parameters are that are in other objects, by parameter.
        claims: the PersistentVolumeClaim of each mount.
        restarted_at: when somebody last asked for a restart.
    """

    application: Application
    name: str
    descriptor: Descriptor
    image: str
    service_account: str
    replicas: int | None
    asked_replicas: int | None
    config: StreamletConfig
    clusters: Mapping[str, KafkaCluster]
    references: Mapping[str, ParameterValueSource]
    claims: Mapping[str, str]
    patches: tuple[Patch, ...]
    restarted_at: str | None

    @property
    def identity(self) -> dict[str, str]:
        """The labels that select its pods."""
        return names.identity(self.application.metadata.name, self.name)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its children."""
        version = self.application.spec.version
        return names.labels(self.application.metadata.name, version, self.name)

    @property
    def pod_labels(self) -> dict[str, str]:
        """The labels of its pods: a new version of the application is no reason to replace them."""
        return {name: text for name, text in self.labels.items() if name != names.VERSION}

    @property
    def object_name(self) -> str:
        """The name of its Deployment, and of what goes with it."""
        return names.workload(self.application.metadata.name, self.name)

    @cached_property
    def data(self) -> dict[str, str]:
        """The data of its ConfigMap."""
        return files(self.config, self.clusters)

    @cached_property
    def configuration(self) -> str:
        """The name of its ConfigMap, another one for other data."""
        application = self.application.metadata.name
        return names.configuration(application, self.name, canonical(self.data))

    @cached_property
    def inputs(self) -> str:
        """The hash of everything that its pods are made of; their number and version are no part.

        Made of what was asked for, not of manifests, so that a newer operator has the same. The
        form of the files is the contract's.
        """
        spec = self.application.spec
        asked = {
            "application": self.application.metadata.name,
            "streamlet": self.name,
            "image": self.image,
            "pullSecrets": [one.name for one in spec.image_pull_secrets],
            "serviceAccount": self.service_account,
            "files": self.data,
            "kafkaSecrets": {name: one.secret for name, one in self.clusters.items()},
            "references": {key: one.model_dump() for key, one in self.references.items()},
            "claims": dict(self.claims),
            "mounts": [one.model_dump() for one in self.descriptor.volume_mounts],
            "isServer": self.descriptor.server is not None,
            "sources": [one.replicated for one in self.descriptor.sources],
            "patches": [one.content for one in self.patches],
            "restartedAt": self.restarted_at,
        }
        return names.digest(canonical(asked), length=_HASH_LENGTH)


def workload(intent: Intent, name: str, descriptor: Descriptor) -> Workload:
    """What the children of a streamlet depend on; renders also where there are problems."""
    application, streamlet = intent.application, intent.streamlets[name]
    config = streamlet_config(intent, name, descriptor)
    used = sorted({binding.cluster for binding in config.ports.values()})
    own = names.service_account(application.metadata.name)
    return Workload(
        application=application,
        name=name,
        descriptor=descriptor,
        image=streamlet.image,
        service_account=application.spec.service_account_name or own,
        replicas=0 if application.spec.state == "Paused" else streamlet.replicas,
        asked_replicas=streamlet.replicas,
        config=config,
        clusters={cluster: intent.cluster(cluster) for cluster in used},
        references={
            key: one.value_from
            for key, one in sorted(streamlet.parameters.items())
            if one.value_from is not None and is_reference(one)
        },
        claims={
            one.name: streamlet.claims[one.name]
            for one in descriptor.volume_mounts
            if one.name in streamlet.claims
        },
        patches=streamlet.patches,
        restarted_at=_restarted_at(application.metadata.annotations, name),
    )


def _restarted_at(annotations: Mapping[str, str], streamlet: str) -> str | None:
    """The times of the last restarts of all streamlets and of this one, in whatever form."""
    asked = (annotations.get(key) for key in (names.RESTARTED_AT, names.restart_of(streamlet)))
    return ", ".join(one for one in asked if one is not None) or None


def child(
    kind: Kind, application: Application, name: str, labels: dict[str, str], **rest: Any
) -> Manifest:
    """A child of an application, without hash: garbage when its owner is gone."""
    owner = application.metadata
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        **rest,
    }


def stamped(manifest: Manifest, inputs: str | None = None) -> Manifest:
    """`manifest` with the hash of its inputs, which without one are all that it says."""
    if inputs is None:
        inputs = names.digest(canonical(manifest), length=_HASH_LENGTH)
    annotations = {names.INPUTS: inputs, names.RENDERER: RENDERER}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
