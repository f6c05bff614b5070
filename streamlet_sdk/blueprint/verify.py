"""A blueprint and the descriptors of its classes become a `VerifiedBlueprint`, or all problems.

Called by the command line, the sandbox and the test kit. Runs no user code and reads no file.
`CHECKS` is the specification: what is not in it is not checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamlet_sdk.blueprint import checks, policies
from streamlet_sdk.blueprint.checks import DEFAULT_CLUSTER
from streamlet_sdk.blueprint.descriptor import RUNTIME, class_path
from streamlet_sdk.blueprint.problems.loading import ClassProblem, ImportProblem
from streamlet_sdk.blueprint.problems.wiring import TopicWithoutPorts
from streamlet_sdk.blueprint.verified import (
    PortPath,
    VerifiedBlueprint,
    VerifiedStreamlet,
    VerifiedTopic,
)
from streamlet_sdk.blueprint.wiring import Wiring, topic_place
from streamlet_sdk.contract import dead_letter_port, dead_letter_topic
from streamlet_sdk.errors import BlueprintError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.blueprint.document import Blueprint, WrittenTopic
    from streamlet_sdk.blueprint.topics import TopicSettings
    from streamlet_sdk.problems import Problem


def topics_without_ports(wiring: Wiring) -> Iterator[Problem]:
    """A warning for topics that nothing of the application uses."""
    for topic in wiring.blueprint.topics.values():
        if not topic.producers and not topic.consumers:
            yield TopicWithoutPorts(path=topic_place(topic.id), topic=topic.id)


CHECKS: Final[tuple[Callable[[Wiring], Iterator[Problem]], ...]] = (
    checks.illegal_streamlet_names,
    checks.illegal_topic_names,
    checks.unknown_classes,
    checks.malformed_port_paths,
    checks.unknown_ports,
    checks.ports_of_many_topics,
    checks.unconnected_ports,
    checks.shared_kafka_names,
    checks.unreadable_topics,
    checks.conflicting_schemas,
    policies.parameters_of_blueprint,
    policies.deliveries_of_blueprint,
    policies.replicas_of_blueprint,
    policies.taken_dead_letter_topics,
)

WARNINGS: Final[tuple[Callable[[Wiring], Iterator[Problem]], ...]] = (
    topics_without_ports,
    policies.idle_replicas,
    policies.secrets_of_blueprint,
)


def verify(
    blueprint: Blueprint,
    descriptors: Mapping[str, Descriptor],
    class_problems: Iterable[Problem] = (),
) -> VerifiedBlueprint:
    """Check everything that can be known before the application runs.

    Args:
        blueprint: as written; its own problems are reported too.
        descriptors: of the classes that it names, by any key; those of unused classes do no harm.
        class_problems: what `describe_classes` found instead of descriptors.

    Raises:
        BlueprintError: with every problem, in document order; what keeps several classes from
            being imported is one.
    """
    classes = {descriptor.class_name: descriptor for descriptor in descriptors.values()}
    known = tuple(class_problems)
    broken = {problem.class_name for problem in known if isinstance(problem, ClassProblem)}
    wiring = Wiring(blueprint, classes, broken)
    found = (*blueprint.problems, *known, *(one for check in CHECKS for one in check(wiring)))
    if found:
        raise BlueprintError(_once(_in_document_order(wiring, found)))
    return VerifiedBlueprint(
        streamlets={name: _streamlet(wiring, name) for name in blueprint.streamlets},
        topics={topic.id: topic for topic in _topics(wiring)},
        warnings=_in_document_order(wiring, (one for check in WARNINGS for one in check(wiring))),
    )


def _in_document_order(wiring: Wiring, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems by their place, with lines; those of a class come where it is used first."""
    blueprint = wiring.blueprint
    used_at: dict[str, str] = {}
    for name, streamlet in blueprint.streamlets.items():
        path = class_path(streamlet.class_name or "")
        if path is not None:
            used_at.setdefault(path, checks.class_place(wiring, name))

    def key(problem: Problem) -> str:
        # The path of a class is no place in the document; the key that names the class is.
        if isinstance(problem, ClassProblem):
            return used_at.get(problem.class_name, "")
        return problem.path

    ordered = sorted(problems, key=lambda problem: blueprint.place(key(problem)))
    return tuple(_with_line(problem, blueprint.line(key(problem))) for problem in ordered)


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Without the failed imports that have a cause which was told before."""
    told: set[str] = set()
    for problem in problems:
        if isinstance(problem, ImportProblem):
            if problem.cause in told:
                continue
            told.add(problem.cause)
        yield problem


def _with_line(problem: Problem, line: int | None) -> Problem:
    return problem if problem.line is not None or line is None else replace(problem, line=line)


def _streamlet(wiring: Wiring, name: str) -> VerifiedStreamlet:
    written = wiring.blueprint.streamlets[name]
    descriptor = wiring.descriptors[name]
    return VerifiedStreamlet(
        name=name,
        descriptor=descriptor,
        replicas=written.replicas,
        parameters={
            key: policies.parameter_text(descriptor.parameter_by_name[key], value)
            for key, value in written.parameters.items()
        },
        delivery=written.delivery,
        image=written.image,
        runtime=written.runtime or RUNTIME,
    )


def _topics(wiring: Wiring) -> Iterator[VerifiedTopic]:
    for topic in wiring.blueprint.topics.values():
        yield _topic(topic)
    for streamlet, inlet in policies.unwired_dead_letters(wiring):
        (fed,) = wiring.bound[PortPath(streamlet, inlet)]
        yield VerifiedTopic(
            id=dead_letter_topic(streamlet, inlet),
            producers=(PortPath(streamlet, dead_letter_port(inlet)),),
            # Beside the records that they were: one broker is enough to give a record up.
            cluster=wiring.blueprint.topics[fed.topic].settings.cluster or DEFAULT_CLUSTER,
            implicit=True,
        )


def _topic(topic: WrittenTopic) -> VerifiedTopic:
    return with_settings(
        VerifiedTopic(
            id=topic.id,
            producers=_port_paths(topic.producers),
            consumers=_port_paths(topic.consumers),
        ),
        topic.settings,
    )


def with_settings(topic: VerifiedTopic, settings: TopicSettings) -> VerifiedTopic:
    """`topic` with everything that `settings` sets; the rest stays."""
    return replace(
        topic,
        kafka_name=settings.kafka_name or topic.kafka_name,
        partitions=settings.partitions or topic.partitions,
        replication_factor=settings.replicas or topic.replication_factor,
        cluster=settings.cluster or topic.cluster,
        managed=topic.managed if settings.managed is None else settings.managed,
        config={**topic.config, **settings.properties},
        connection={**topic.connection, **settings.connection},
        producer={**topic.producer, **settings.producer},
        consumer={**topic.consumer, **settings.consumer},
    )


def _port_paths(written: Iterable[tuple[str, str]]) -> tuple[PortPath, ...]:
    return tuple(PortPath(*text.split(".")) for _, text in written)
