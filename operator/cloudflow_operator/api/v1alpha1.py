"""`CloudflowApplication` in `cloudflow.dev/v1alpha1`: what users and `kubectl cloudflow` write.

Every field is described here once; `crds/`, `kubectl explain` and the reference are made of it.
The API server checks what the generated schema can say; the operator checks the rest.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from cloudflow_operator.api.extensions import atomic, free_form, keyed, rules, texts
from cloudflow_operator.api.part import ClassName, Name, Part, Text

GROUP: Final = "cloudflow.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "CloudflowApplication"
PLURAL: Final = "cloudflowapplications"
MAX_STREAMLETS: Final = 200
MAX_TOPICS: Final = 1000


class Sdk(Part):
    """The SDK that the image was built with."""

    version: str = Field(description="Version of the package in the image.")
    contract: int = Field(ge=1, description="What operator and pod agree on; see the docs.")


class LocalReference(Part):
    """An object in the application's namespace."""

    name: str = Field(description="Its name.")


class KeyReference(Part):
    """A key of a Secret or ConfigMap in the application's namespace."""

    name: str = Field(description="Name of the Secret or ConfigMap.")
    key: str = Field(description="The key whose value is taken.")


class ParameterValueSource(Part):
    """Where a parameter's value is, when it is not written here."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.secretKeyRef) != has(self.configMapKeyRef)",
                "give exactly one of secretKeyRef and configMapKeyRef",
            )
        )
    )

    secret_key_ref: KeyReference | None = Field(
        default=None, description="A key of a Secret; the operator never reads it, the pod does."
    )
    config_map_key_ref: KeyReference | None = Field(
        default=None, description="A key of a ConfigMap."
    )


class Parameter(Part):
    """The value of one configuration parameter."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.value) != has(self.valueFrom)", "give exactly one of value and valueFrom")
        )
    )

    name: Text = Field(description="The parameter's name, as the class declares it.")
    value: str | None = Field(default=None, description="The value as text.")
    value_from: ParameterValueSource | None = Field(
        default=None, description="Where the value is, for secrets."
    )


class Retry(Part):
    """The parts of a retry policy that are set."""

    attempts: int | None = Field(default=None, ge=1, description="Tries in all.")
    backoff: Text | None = Field(default=None, description="First delay, such as 200ms.")
    max_backoff: Text | None = Field(default=None, description="Longest delay, such as 30s.")
    jitter: float | None = Field(default=None, ge=0, le=1, description="Random share of a delay.")


class Delivery(Part):
    """The parts of an inlet's delivery policy that are set."""

    inlet: Text = Field(description="The inlet's name.")
    guarantee: Literal["at-least-once", "at-most-once", "exactly-once"] | None = Field(
        default=None, description="How often a record's outputs are written."
    )
    retry: Retry | None = Field(default=None, description="Tries and delays.")
    on_exhausted: Literal["dead-letter", "skip", "stop"] | None = Field(
        default=None, description="What becomes of a record that failed every try."
    )


class VolumeClaim(Part):
    """The claim behind one of a class's volume mounts."""

    mount: Text = Field(description="Name of the mount, as the class declares it.")
    claim_name: str = Field(description="A PersistentVolumeClaim in the application's namespace.")


class StreamletSettings(Part):
    """What both the author of a streamlet and `spec.overrides` may set."""

    replicas: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="How many pods. Absent: the Deployment's replicas belong to others, "
        "such as a HorizontalPodAutoscaler.",
    )
    parameters: tuple[Parameter, ...] = keyed("name", "Values of configuration parameters.")
    settings: dict[str, str] = texts("Settings of the engine, by name.")
    delivery: tuple[Delivery, ...] = keyed("inlet", "Delivery policies, by inlet.")
    volume_claims: tuple[VolumeClaim, ...] = keyed("mount", "Claims, by mount.")
    pod_template: dict[str, Any] = free_form(
        "Strategic merge patch of the pod template: resources, labels, volumes, affinity."
    )


class Streamlet(StreamletSettings):
    """One streamlet of the application."""

    name: Name = Field(description="Its name in the blueprint.")
    class_name: ClassName = Field(alias="class", description="The class: package.module:Class.")
    runtime: Name = Field(default="python", description="The runtime that runs it.")
    image: str | None = Field(default=None, description="Its own image, instead of spec.image.")


class Override(StreamletSettings):
    """What `scale` and `configure` set on top of a streamlet; entries without one are ignored."""

    name: Name = Field(description="The streamlet's name.")


class Runtime(Part):
    """What holds for all streamlets of a runtime; their own settings win."""

    name: Name = Field(description="The runtime's name.")
    settings: dict[str, str] = texts("Settings of the engine, by name.")
    pod_template: dict[str, Any] = free_form("Strategic merge patch of the pod templates.")


_NEVER_LOWERED: Final = (
    "!has(oldSelf.partitions) || !has(self.partitions) || self.partitions >= oldSelf.partitions"
)


class Topic(Part):
    """One topic and the ports that it connects."""

    model_config = ConfigDict(
        json_schema_extra=rules((_NEVER_LOWERED, "the partitions of a topic can only be raised"))
    )

    name: Text = Field(description="The topic's id in the blueprint.")
    producers: tuple[str, ...] = atomic("Outlets that write to it, as streamlet.outlet.")
    consumers: tuple[str, ...] = atomic("Inlets that read it, as streamlet.inlet.")
    kafka_name: str | None = Field(
        default=None,
        max_length=249,
        description="Its name in Kafka, verbatim. Absent: namespace.application.name, behind the "
        "cluster's prefix.",
    )
    cluster: Text = Field(default="default", description="The named Kafka cluster it is on.")
    managed: bool = Field(default=True, description="Whether the operator makes and alters it.")
    partitions: int | None = Field(
        default=None,
        ge=1,
        description="How many; they are raised, never lowered. Absent: the cluster's default.",
    )
    replication_factor: int | None = Field(
        default=None,
        ge=1,
        description="Copies of each partition, when it is made. Absent: the cluster's default.",
    )
    config: dict[str, str] = texts("Settings of the topic, by Kafka's names.")
    client_config: dict[str, str] = texts("Client properties of all its ports, by Kafka's names.")
    producer_config: dict[str, str] = texts("Client properties of outlets; they win.")
    consumer_config: dict[str, str] = texts("Client properties of inlets; they win.")


class PortSchema(Part):
    """The schema of a port; its text is in spec.schemas."""

    format: Text = Field(description="avro, json, proto, bytes or the name of a codec.")
    name: Text = Field(description="The schema's name.")
    fingerprint: Text = Field(description="Which entry of spec.schemas it is.")


class Port(Part):
    """One inlet or outlet of a class."""

    name: Text = Field(description="The port's name.")
    schema_: PortSchema = Field(alias="schema", description="What its records are.")
    handler: Literal["each", "batches"] | None = Field(
        default=None, description="How an inlet takes records."
    )
    tombstones: bool = Field(default=False, description="Whether an inlet takes absent values.")
    broadcast: bool = Field(default=False, description="Whether every replica reads everything.")
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="Where an inlet begins without a committed offset."
    )
    delivery: dict[str, Any] = free_form("The delivery policy that the class declares.")
    dead_letters_of: Text | None = Field(
        default=None, description="The inlet whose given-up records this outlet takes."
    )


class Descriptor(Part):
    """What one class declares; written by `kubectl cloudflow`, read out of the code."""

    class_name: ClassName = Field(description="The class: package.module:Class.")
    runtime: Name = Field(default="python", description="The runtime that can run it.")
    description: str = Field(default="", description="First sentence of its documentation.")
    inlets: tuple[Port, ...] = atomic("What it reads.")
    outlets: tuple[Port, ...] = atomic("What it writes.")
    parameters: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="Its configuration parameters.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    volume_mounts: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="The directories that it wants mounted.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    sources: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="Its sources.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    server: dict[str, Any] | None = Field(
        default=None,
        description="What it serves, when it listens.",
        json_schema_extra={
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-map-type": "atomic",
        },
    )


class Schema(Part):
    """The text of a schema."""

    fingerprint: Text = Field(description="What ports name it by.")
    text: str = Field(description="The schema.")


_DESCRIBED: Final = (
    "!has(self.streamlets) || self.streamlets.all(s, has(self.descriptors) && "
    "self.descriptors.exists(d, d.className == s.class))"
)


class Spec(Part):
    """What the application shall be."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (_DESCRIBED, "every streamlet's class needs an entry in spec.descriptors")
        )
    )

    sdk: Sdk = Field(description="The SDK that the image was built with.")
    version: Text = Field(default="", description="Version of the application, for people.")
    image: str = Field(description="The image of all streamlets, best by digest.")
    image_pull_secrets: tuple[LocalReference, ...] = keyed("name", "Secrets to pull images with.")
    service_account_name: str | None = Field(
        default=None, description="Absent: the operator makes one, without a token."
    )
    state: Literal["Running", "Paused"] | None = Field(
        default=None, description="Paused runs no pods and keeps everything; absent is Running."
    )
    deletion_policy: Literal["Retain", "Delete"] = Field(
        default="Retain", description="Whether topics that the operator made go with it."
    )
    streamlets: tuple[Streamlet, ...] = keyed("name", "The streamlets.", most=MAX_STREAMLETS)
    overrides: tuple[Override, ...] = keyed(
        "name", "Written by scale and configure, over spec.streamlets.", most=MAX_STREAMLETS
    )
    runtimes: tuple[Runtime, ...] = keyed("name", "What holds for all of a runtime.", most=10)
    topics: tuple[Topic, ...] = keyed("name", "The topics.", most=MAX_TOPICS)
    descriptors: tuple[Descriptor, ...] = atomic("What the classes declare.", most=MAX_STREAMLETS)
    schemas: tuple[Schema, ...] = atomic("Texts of schemas.", most=1000)


class Condition(Part):
    """One aspect of the application, as Kubernetes' own conditions are."""

    type: Text = Field(description="What it is about.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it is so.")
    reason: Text = Field(description="One word for machines.")
    message: str = Field(default="", description="What is wrong and what to do, for people.")
    observed_generation: int = Field(description="The metadata.generation that it speaks of.")
    last_transition_time: str = Field(description="When the status last changed.")


class PodStatus(Part):
    """One pod."""

    name: str = Field(description="Its name.")
    status: str = Field(description="As kubectl shows it.")
    ready: bool = Field(description="Whether all containers are ready.")
    restarts: int = Field(description="Restarts of its containers.")
    message: str = Field(default="", description="Why it waits or ended.")


class StreamletStatus(Part):
    """How one streamlet is."""

    name: str = Field(description="The streamlet's name.")
    phase: str = Field(description="One word for how it is.")
    replicas: int = Field(description="Pods that shall be there.")
    ready_replicas: int = Field(description="Pods that are ready.")
    restarts: int = Field(default=0, description="Restarts of all its pods.")
    message: str = Field(default="", description="What is wrong and what to do.")
    pods: tuple[PodStatus, ...] = atomic("At most three of its pods, those not ready first.")


class TopicStatus(Part):
    """How one topic is."""

    name: str = Field(description="The topic's id in the blueprint.")
    kafka_name: str = Field(description="Its name in Kafka.")
    cluster: str = Field(default="default", description="The Kafka cluster it is on.")
    partitions: int | None = Field(default=None, description="How many it has.")
    created: bool = Field(default=False, description="Whether this operator made it.")
    state: str = Field(description="Ready, or one word for what is wrong.")
    message: str = Field(default="", description="What is wrong and what to do.")


class LeftGroup(Part):
    """A consumer group that no inlet of the application has."""

    name: str = Field(description="Its name in Kafka.")
    cluster: str = Field(default="default", description="The Kafka cluster it is on.")


class LeftGroups(Part):
    """The consumer groups of streamlets and inlets that were removed, with their offsets."""

    observed_generation: int | None = Field(
        default=None,
        description="The metadata.generation that it speaks of; an older one while a Kafka cluster "
        "does not answer.",
    )
    count: int = Field(description="How many there are.")
    groups: tuple[LeftGroup, ...] = atomic("The first of them, by name.")


class Status(Part):
    """How the application is; written by the operator alone."""

    observed_generation: int | None = Field(
        default=None, description="The metadata.generation that it speaks of."
    )
    phase: str | None = Field(default=None, description="One word, made of the conditions.")
    ready: str | None = Field(default=None, description="Ready pods of all, as 3/4.")
    message: str = Field(default="", description="The most important of what is wrong.")
    conditions: tuple[Condition, ...] = keyed("type", "The aspects of the application.")
    streamlets: tuple[StreamletStatus, ...] = keyed("name", "How each streamlet is.")
    topics: tuple[TopicStatus, ...] = keyed("name", "How each topic is.")
    left_groups: LeftGroups | None = Field(
        default=None,
        description="Consumer groups that removed streamlets left; absent until it is known.",
    )


class Metadata(Part):
    """The part of Kubernetes' metadata that is used here."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()


class Application(Part):
    """A `CloudflowApplication` as it is on the API server."""

    metadata: Metadata
    spec: Spec
    status: Status = Status()
