"""Reads the merged document of a configuration: what changes the blueprint, and what the pods.

Called by `configuration` alone. What is wrong is collected in the sections' problems.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from streamlet_sdk.blueprint.descriptor import RUNTIME
from streamlet_sdk.blueprint.document import (
    Blueprint,
    WrittenStreamlet,
    WrittenTopic,
    as_text,
    delivery,
    invalid_settings,
)
from streamlet_sdk.blueprint.layers import deeper
from streamlet_sdk.blueprint.problems.settings import UnknownMount
from streamlet_sdk.blueprint.problems.wiring import UnknownRuntime, UnknownStreamlet, UnknownTopic
from streamlet_sdk.blueprint.topics import KEYS as TOPIC_KEYS
from streamlet_sdk.blueprint.topics import TopicSettings, topic_settings
from streamlet_sdk.blueprint.wiring import topic_place
from streamlet_sdk.contract import Settings, dead_letter_topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamlet_sdk.blueprint.reading import Section
    from streamlet_sdk.blueprint.verified import (
        PortPath,
        VerifiedBlueprint,
        VerifiedStreamlet,
        VerifiedTopic,
    )

SETTINGS: Final = tuple(name.replace("_", "-") for name in Settings.model_fields)
STREAMLET_KEYS: Final = ("config-parameters", "config", "kubernetes", "delivery", "replicas")
RUNTIME_KEYS: Final = ("config", "kubernetes")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """What holds for the process of a streamlet, and the blueprint knows nothing of.

    Attributes:
        settings: of the engine.
        kubernetes: what changes the pod, as written; the streamlet's over the runtime's.
        volume_mounts: where mounts are here, by mount; the sandbox only.
    """

    settings: Settings = field(default_factory=Settings)
    kubernetes: Mapping[str, Any] = field(default_factory=dict)
    volume_mounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A merged document, read.

    Attributes:
        blueprint: the application's, with everything that the document changes in it.
        pods: by streamlet, for every streamlet.
        dead_letters: settings of topics that the platform makes, by id.
    """

    blueprint: Blueprint
    pods: Mapping[str, PodSettings]
    dead_letters: Mapping[str, TopicSettings]


@dataclass(frozen=True, slots=True)
class _Runtime:
    config: Mapping[str, object]
    kubernetes: Mapping[str, object]


def read(document: Section, verified: VerifiedBlueprint, *, sandbox: bool) -> Configured:
    """Read the section `cloudflow` of a merged document."""
    document.only(("streamlets", "runtimes", "topics"))
    runtime = _runtime(document.section("runtimes"))
    keys = (*STREAMLET_KEYS, "volume-mounts") if sandbox else STREAMLET_KEYS
    streamlets: dict[str, WrittenStreamlet] = {}
    pods: dict[str, PodSettings] = {}
    written = document.section("streamlets")
    _report_unknown(written, verified)
    for name, streamlet in verified.streamlets.items():
        section = written.section(name)
        section.only(keys)
        streamlets[name] = _streamlet(section, streamlet)
        mounts = _mounts(section.section("volume-mounts"), streamlet) if sandbox else {}
        pods[name] = PodSettings(
            settings=_settings(section.section("config"), runtime.config),
            kubernetes=deeper(runtime.kubernetes, section.section("kubernetes").values),
            volume_mounts=mounts,
        )
    topics = _topics(document.section("topics"), verified)
    blueprint = Blueprint(
        streamlets=streamlets,
        topics={
            id_: _topic(topic, topics.get(id_, TopicSettings()))
            for id_, topic in verified.topics.items()
            if not topic.implicit
        },
    )
    dead_letters = {id_: one for id_, one in topics.items() if id_ not in blueprint.topics}
    return Configured(blueprint=blueprint, pods=pods, dead_letters=dead_letters)


def _report_unknown(streamlets: Section, verified: VerifiedBlueprint) -> None:
    known = tuple(verified.streamlets)
    for name in streamlets.values:
        if name not in verified.streamlets:
            path = streamlets.at(name)
            streamlets.problems.append(UnknownStreamlet(path=path, name=name, known=known))


def _runtime(runtimes: Section) -> _Runtime:
    found = _Runtime({}, {})
    for name, section in runtimes.sections():
        section.only(RUNTIME_KEYS)
        if name == RUNTIME:
            config = section.section("config")
            _settings(config, {})
            found = _Runtime(config.values, section.section("kubernetes").values)
        else:
            problem = UnknownRuntime(path=section.path, name=name, known=(RUNTIME,))
            runtimes.problems.append(problem)
    return found


def _streamlet(section: Section, streamlet: VerifiedStreamlet) -> WrittenStreamlet:
    return WrittenStreamlet(
        name=streamlet.name,
        class_name=streamlet.descriptor.class_name,
        replicas=section.whole("replicas", minimum=0),
        parameters=dict(section.section("config-parameters").scalars()),
        delivery=delivery(section.section("delivery")),
        image=streamlet.image,
        runtime=streamlet.runtime,
    )


def _mounts(section: Section, streamlet: VerifiedStreamlet) -> dict[str, str]:
    known = tuple(mount.name for mount in streamlet.descriptor.volume_mounts)
    for name in section.values:
        if name not in known:
            section.problems.append(
                UnknownMount(
                    path=section.at(name), streamlet=streamlet.name, name=name, known=known
                )
            )
    texts = ((name, section.text(name)) for name in section.values)
    return {name: path for name, path in texts if path is not None}


def _settings(section: Section, below: Mapping[str, object]) -> Settings:
    """Engine settings: those of the section over those `below`, which are reported elsewhere."""
    section.only(SETTINGS)
    given = {key: as_text(section.values[key]) for key in SETTINGS if key in section.values}
    try:
        own = Settings.model_validate(given)
    except ValidationError as error:
        section.problems.extend(invalid_settings(section, error))
        return Settings()
    inherited = {key: as_text(below[key]) for key in SETTINGS if key in below}
    try:
        return Settings.model_validate(inherited | given)
    except ValidationError:
        return own


def _topics(section: Section, verified: VerifiedBlueprint) -> dict[str, TopicSettings]:
    known = {*verified.topics, *_dead_letter_topics(verified.streamlets.values())}
    found: dict[str, TopicSettings] = {}
    for id_, topic in section.sections():
        if id_ not in known:
            problem = UnknownTopic(path=topic.path, name=id_, known=tuple(sorted(known)))
            section.problems.append(problem)
            continue
        topic.only(TOPIC_KEYS)
        found[id_] = topic_settings(topic)
    return found


def _dead_letter_topics(streamlets: Iterable[VerifiedStreamlet]) -> set[str]:
    return {
        dead_letter_topic(streamlet.name, inlet.name)
        for streamlet in streamlets
        for inlet in streamlet.descriptor.inlets
    }


def _topic(topic: VerifiedTopic, settings: TopicSettings) -> WrittenTopic:
    return WrittenTopic(
        id=topic.id,
        producers=_written(topic, topic.producers),
        consumers=_written(topic, topic.consumers),
        settings=settings,
    )


def _written(topic: VerifiedTopic, paths: Iterable[PortPath]) -> tuple[tuple[str, str], ...]:
    # A configuration wires nothing; of what it sets, the cluster alone brings ports together.
    place = topic_place(topic.id, "cluster")
    return tuple((place, str(path)) for path in paths)
