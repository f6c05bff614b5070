"""The application resource of a project: what `build` writes and `deploy` sends.

Pure. What is not set stays out of it, so that a value that is set by somebody else later has a
place, and the same application is the same document, to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cloudflow_cli.pod_patch import pod_patch
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from streamlet_sdk.blueprint.checks import DEFAULT_CLUSTER
from streamlet_sdk.blueprint.configured import PodSettings
from streamlet_sdk.blueprint.descriptor import RUNTIME
from streamlet_sdk.blueprint.problems.documents import InvalidSetting
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.contract import CONTRACT
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudflow_cli.pod_patch import PodPatch
    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.blueprint.topics import TopicSettings
    from streamlet_sdk.blueprint.verified import (
        VerifiedBlueprint,
        VerifiedStreamlet,
        VerifiedTopic,
    )
    from streamlet_sdk.contract import DeliveryOverride
    from streamlet_sdk.problems import Problem

Manifest: TypeAlias = dict[str, Any]
_SECRET_PROPERTIES: Final = ("sasl.jaas.config", "ssl.keystore.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What of an application is not in its blueprint.

    Attributes:
        name: of the application.
        namespace: None leaves it to who applies the resource.
        image: of all streamlets that have none of their own.
        sdk: the version of the SDK in the image.
    """

    name: str
    image: str
    sdk: str
    version: str = ""
    namespace: str | None = None


def secret_name(application: str) -> str:
    """The name of the Secret with the values of an application's secret parameters."""
    return f"{application}-parameters"


def secret_key(streamlet: str, parameter: str) -> str:
    """The key in that Secret of one parameter's value."""
    return f"{streamlet}.{parameter}"


def secret_values(application: VerifiedBlueprint) -> Mapping[str, str]:
    """What the Secret `secret_name` has to hold; values of secrets are nowhere else.

    Empty when no secret parameter has a value; the resource then refers to no such Secret.
    """
    return {
        secret_key(name, key): text
        for name, streamlet in application.streamlets.items()
        for key, text in streamlet.parameters.items()
        if _is_secret(streamlet, key)
    }


def resource(
    release: Release, application: VerifiedBlueprint, pods: Mapping[str, PodSettings] | None = None
) -> Manifest:
    """The application resource.

    Args:
        release: name, image and versions.
        application: the verified blueprint; a configuration's where there is one.
        pods: `Configuration.pods`; without it no streamlet has settings of its own.

    Raises:
        ConfigurationError: with every problem of the `kubernetes` sections, and every credential
            among the properties of topics, which would be there for all to read.
    """
    pods = pods or {}
    problems = list(credentials(application.topics.values()))
    patches = {
        name: pod_patch(one, pods.get(name, PodSettings()).kubernetes, problems)
        for name, one in application.streamlets.items()
    }
    if problems:
        raise ConfigurationError(problems)
    classes = _classes(application)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": release.name, **_set(namespace=release.namespace)},
        "spec": {
            "sdk": {"version": release.sdk, "contract": CONTRACT},
            **_set(version=release.version),
            "image": release.image,
            "streamlets": [
                _streamlet(release.name, one, pods.get(name, PodSettings()), patches[name])
                for name, one in application.streamlets.items()
            ],
            "topics": [_topic(one) for one in application.topics.values()],
            "descriptors": [_descriptor(one) for one in classes],
            "schemas": _schemas(classes),
        },
    }


def credentials(topics: Iterable[VerifiedTopic]) -> Iterator[Problem]:
    """The properties of topics that are secret, and would be there for all to read."""
    for topic in topics:
        sections = {
            "connection-config": topic.connection,
            "producer-config": topic.producer,
            "consumer-config": topic.consumer,
        }
        for section, properties in sections.items():
            for key in properties:
                if key in _SECRET_PROPERTIES or key.endswith("password"):
                    path = dotted(("cloudflow", "topics", topic.id, section, key))
                    reason = f"it belongs into the Secret of the Kafka cluster {topic.cluster!r}"
                    yield InvalidSetting(path=path, setting=key, reason=reason)


def _streamlet(
    application: str, streamlet: VerifiedStreamlet, pod: PodSettings, patch: PodPatch
) -> Manifest:
    return {
        "name": streamlet.name,
        "class": streamlet.descriptor.class_name,
        **_set(
            runtime=None if streamlet.runtime == RUNTIME else streamlet.runtime,
            image=streamlet.image,
        ),
        **settings(application, streamlet, pod, patch),
    }


def settings(
    application: str, streamlet: VerifiedStreamlet, pod: PodSettings, patch: PodPatch
) -> Manifest:
    """The fields that an entry of `spec.streamlets` and one of `spec.overrides` have in common.

    Args:
        application: its name; the values of secrets are in a Secret that is named after it.
        streamlet: parameters, delivery and replicas, as far as they are set.
        pod: settings of the engine.
        patch: what changes the pod, read out of `pod`.
    """
    engine = pod.settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    policies = {inlet: _policy(one) for inlet, one in streamlet.delivery.items()}
    return _set(
        replicas=streamlet.replicas,
        parameters=[
            {"name": key, **_value(application, streamlet, key, text)}
            for key, text in streamlet.parameters.items()
        ],
        settings={key: str(value) for key, value in engine.items()},
        delivery=[{"inlet": inlet, **policy} for inlet, policy in policies.items() if policy],
        volumeClaims=[
            {"mount": mount, "claimName": claim} for mount, claim in patch.claims.items()
        ],
        podTemplate=patch.template,
    )


def _value(application: str, streamlet: VerifiedStreamlet, key: str, text: str) -> Manifest:
    """Where a parameter's value is: beside it, or in the Secret when it is one."""
    if not _is_secret(streamlet, key):
        return {"value": text}
    name = secret_name(application)
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": secret_key(streamlet.name, key)}}}


def _is_secret(streamlet: VerifiedStreamlet, key: str) -> bool:
    parameter = streamlet.descriptor.parameter_by_name.get(key)
    return parameter is not None and parameter.secret


def _policy(override: DeliveryOverride) -> Manifest:
    return _set(**override.model_dump(mode="json", by_alias=True, exclude_none=True))


def topic_settings(settings: TopicSettings) -> Manifest:
    """The fields of a topic's entry that `settings` sets."""
    return _set(
        kafkaName=settings.kafka_name,
        cluster=settings.cluster,
        managed=settings.managed,
        partitions=settings.partitions,
        replicationFactor=settings.replicas,
        config=dict(settings.properties),
        clientConfig=dict(settings.connection),
        producerConfig=dict(settings.producer),
        consumerConfig=dict(settings.consumer),
    )


def _topic(topic: VerifiedTopic) -> Manifest:
    return {
        "name": topic.id,
        **_set(
            producers=list(map(str, topic.producers)),
            consumers=list(map(str, topic.consumers)),
            kafkaName=topic.kafka_name,
            cluster=None if topic.cluster == DEFAULT_CLUSTER else topic.cluster,
            managed=None if topic.managed else False,
            partitions=topic.partitions,
            replicationFactor=topic.replication_factor,
            config=dict(topic.config),
            clientConfig=dict(topic.connection),
            producerConfig=dict(topic.producer),
            consumerConfig=dict(topic.consumer),
        ),
    }


def _classes(application: VerifiedBlueprint) -> list[Descriptor]:
    """Each class once, in the order of the streamlets."""
    found = {one.descriptor.class_name: one.descriptor for one in application.streamlets.values()}
    return list(found.values())


def _descriptor(descriptor: Descriptor) -> Manifest:
    made = descriptor.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for port in (*made.get("inlets", ()), *made.get("outlets", ())):
        del port["schema"]["text"]
    for parameter in made.get("parameters", ()):
        if parameter.get("secret"):
            parameter.pop("default", None)  # the class in the image has it
    return made


def _schemas(classes: Iterable[Descriptor]) -> list[Manifest]:
    """Each schema once, in the order in which ports name them."""
    texts: dict[str, str] = {}
    for one in classes:
        for port in (*one.inlets, *one.outlets):
            # Texts of one fingerprint differ in what readers do not see, such as documentation.
            texts.setdefault(port.schema_.fingerprint, port.schema_.text)
    return [{"fingerprint": key, "text": text} for key, text in texts.items()]


def _set(**fields: Any) -> Manifest:
    """The fields that say something; zero and false do."""
    return {key: value for key, value in fields.items() if value not in (None, "", [], {})}
