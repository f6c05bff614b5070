"""From an application to everything that shall be there for it: the door of this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudflow_operator.desired.access import service_account
from cloudflow_operator.desired.budgets import budget
from cloudflow_operator.desired.checks import problems
from cloudflow_operator.desired.children import workload
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.desired.network import service
from cloudflow_operator.desired.patches import patched
from cloudflow_operator.desired.pods import pod_template
from cloudflow_operator.desired.topics import topics
from cloudflow_operator.desired.workloads import configuration, deployment
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.api.v1alpha1 import Application
    from cloudflow_operator.desired.clusters import KafkaClusters
    from cloudflow_operator.desired.topics import DesiredTopic
    from cloudflow_operator.interfaces import Manifest
    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredStreamlet:
    """The children of one streamlet.

    Attributes:
        replicas: how many pods there shall be: None when others decide, 0 while it is paused.
        inputs: the hash of everything that its pods are made of, as its Deployment has it.
        topics: ids of the topics that its ports are bound to.
        groups: the consumer groups of its inlets.
    """

    name: str
    replicas: int | None
    inputs: str
    topics: tuple[str, ...]
    groups: tuple[str, ...]
    configuration: Manifest
    deployment: Manifest
    service: Manifest | None
    budget: Manifest | None

    def manifests(self) -> Iterator[Manifest]:
        """All of them, in the order in which they are made."""
        optional = (self.configuration, self.service, self.deployment, self.budget)
        return (one for one in optional if one is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Everything that shall be there for an application.

    Attributes:
        service_account: None when the application names one that is not the operator's.
        streamlets: by name, in the resource's order.
        ignored_overrides: names of overrides whose streamlet is gone.
    """

    service_account: Manifest | None
    streamlets: dict[str, DesiredStreamlet]
    topics: tuple[DesiredTopic, ...]
    ignored_overrides: tuple[str, ...]

    def manifests(self) -> Iterator[Manifest]:
        """All children, in the order in which they are made."""
        if self.service_account is not None:
            yield self.service_account
        for streamlet in self.streamlets.values():
            yield from streamlet.manifests()


def desired(application: Application, clusters: KafkaClusters) -> Desired:
    """What shall be there for an application; the same for the same arguments, to the byte.

    Args:
        application: as it is on the API server.
        clusters: the Kafka clusters that its namespace may use.

    Raises:
        ConfigurationError: with every problem of the resource, in its path and with a remedy.
    """
    intent = Intent(application, clusters)
    found = list(problems(intent))
    streamlets: dict[str, DesiredStreamlet] = {}
    for name, descriptor in intent.descriptors.items():
        streamlets[name], of_patches = _streamlet(intent, name, descriptor)
        found += of_patches
    if found:
        # What is wrong with a runtime is so once, not once for each of its streamlets.
        raise ConfigurationError(dict.fromkeys(found))
    return Desired(
        service_account=service_account(application),
        streamlets=streamlets,
        topics=tuple(topics(intent)),
        ignored_overrides=intent.effective.ignored,
    )


def _streamlet(
    intent: Intent, name: str, descriptor: Descriptor
) -> tuple[DesiredStreamlet, tuple[Problem, ...]]:
    work = workload(intent, name, descriptor)
    pod = patched(pod_template(work), work.patches)
    made = DesiredStreamlet(
        name=name,
        replicas=work.replicas,
        inputs=work.inputs,
        topics=tuple(dict.fromkeys(one.topic for one in work.config.ports.values())),
        groups=tuple(work.config.group(inlet.name) for inlet in descriptor.inlets),
        configuration=configuration(work),
        deployment=deployment(work, pod.template),
        service=service(work),
        budget=budget(work),
    )
    return made, pod.problems
