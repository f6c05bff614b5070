"""The settings of a topic, as a blueprint and a configuration give them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamlet_sdk.blueprint.problems.documents import MisplacedTopicSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.blueprint.reading import Section

KEYS: Final = (
    "partitions",
    "replicas",
    "cluster",
    "managed",
    "topic",
    "connection-config",
    "producer-config",
    "consumer-config",
    "bootstrap",
    "bootstrap.servers",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """What is set of a topic; None where nothing is set.

    Attributes:
        kafka_name: the topic's name in Kafka, verbatim.
        replicas: copies of each partition.
        managed: whether the platform makes the topic.
        properties: settings of the topic in Kafka's own names.
        connection: client properties of producers and consumers; theirs win over these.
    """

    partitions: int | None = None
    replicas: int | None = None
    cluster: str | None = None
    managed: bool | None = None
    kafka_name: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    connection: Mapping[str, str] = field(default_factory=dict)
    producer: Mapping[str, str] = field(default_factory=dict)
    consumer: Mapping[str, str] = field(default_factory=dict)


def topic_settings(section: Section) -> TopicSettings:
    """Read the settings in the section of a topic; its other keys are left to the caller."""
    kafka = section.section("topic")
    properties = kafka.properties()
    name = properties.pop("name", None)
    for key in ("partitions", "replicas"):
        if properties.pop(key, None) is not None:
            section.problems.append(MisplacedTopicSetting(path=kafka.at(key), key=key))
    connection = section.section("connection-config").properties()
    return TopicSettings(
        partitions=section.whole("partitions", minimum=1),
        replicas=section.whole("replicas", minimum=1),
        cluster=section.text("cluster"),
        managed=section.flag("managed"),
        kafka_name=name,
        properties=properties,
        connection=_bootstrap(section) | connection,
        producer=section.section("producer-config").properties(),
        consumer=section.section("consumer-config").properties(),
    )


def _bootstrap(section: Section) -> dict[str, str]:
    # HOCON reads `bootstrap.servers` as two keys, YAML as one.
    found = {
        f"bootstrap.{key}": text for key, text in section.section("bootstrap").properties().items()
    }
    flat = section.text("bootstrap.servers")
    return found if flat is None else found | {"bootstrap.servers": flat}
