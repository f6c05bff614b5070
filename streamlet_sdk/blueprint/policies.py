"""The checks of what is set of streamlets: parameters, delivery and replicas.

Used by `verify` for what a blueprint sets, and by `configuration` for what a deployment sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlet_sdk.blueprint.problems.settings import (
    ExactlyOnceImpossible,
    IdleReplicas,
    InvalidParameterValue,
    SecretInDocument,
    SourceNotReplicated,
    UnknownInlet,
    UnknownParameter,
)
from streamlet_sdk.blueprint.problems.wiring import DeadLetterTopicTaken
from streamlet_sdk.blueprint.reading import Scalar, scalar_text
from streamlet_sdk.blueprint.verified import PortPath
from streamlet_sdk.blueprint.wiring import (
    Wiring,
    effective_delivery,
    streamlet_place,
    topic_place,
)
from streamlet_sdk.contract import dead_letter_port, dead_letter_topic
from streamlet_sdk.parameters import parse_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.blueprint.descriptor import Descriptor, ParameterDescriptor, PortDescriptor
    from streamlet_sdk.problems import Problem


def parameter_text(parameter: ParameterDescriptor, value: Scalar) -> str:
    """A value of a document as the text that the streamlet is given.

    Raises:
        ValueError: when it is no value of the parameter, with a sentence that says why.
    """
    if parameter.kind == "string" and not isinstance(value, str):
        # As text it could differ from what was written: 1.10 is 1.1 to YAML, and 010 is 8.
        raise ValueError(f"{scalar_text(value)} is not a text here; write it in quotes")
    text = scalar_text(value)
    members = {choice: choice for choice in parameter.choices}
    parse_value(parameter.kind, text, parameter.pattern, members)
    return text


def unknown_parameter(path: str, streamlet: str, descriptor: Descriptor, name: str) -> Problem:
    """The problem of a value for a parameter that the class does not have."""
    known = tuple(descriptor.parameter_by_name)
    return UnknownParameter(path=path, streamlet=streamlet, name=name, known=known)


def value_problem(path: str, parameter: ParameterDescriptor, value: Scalar) -> Problem | None:
    """What is wrong with a value for a parameter, if anything; a secret's is not repeated."""
    try:
        parameter_text(parameter, value)
    except ValueError as error:
        reason = "it does not have the form of one" if parameter.secret else str(error)
        return InvalidParameterValue(path=path, parameter=parameter.name, reason=reason)
    return None


def replicas_problem(path: str, name: str, descriptor: Descriptor, replicas: int) -> Problem | None:
    """Whether so many replicas would run a source that is not made for it."""
    source = next((one.name for one in descriptor.sources if not one.replicated), None)
    if source is None or replicas <= 1:
        return None
    return SourceNotReplicated(path=path, streamlet=name, source=source, replicas=replicas)


def exactly_once_problem(
    path: str, descriptor: Descriptor, inlet: PortDescriptor, clusters: set[str]
) -> Problem | None:
    """Why an inlet cannot be exactly-once, if it cannot.

    Args:
        path: where the policy, or else its streamlet, stands.
        descriptor: the class of the inlet.
        inlet: one whose effective policy is exactly-once.
        clusters: the Kafka clusters of the inlet and of all outlets of its streamlet.
    """
    if inlet.broadcast:
        reason = "it is a broadcast, of which nothing is committed"
    elif descriptor.server is not None:
        reason = "the streamlet is a server, whose acknowledged writes no transaction holds"
    elif len(clusters) > 1:
        reason = f"its topics are on several Kafka clusters, {', '.join(sorted(clusters))}"
    else:
        return None
    return ExactlyOnceImpossible(path=path, inlet=inlet.name, reason=reason)


def parameters_of_blueprint(wiring: Wiring) -> Iterator[Problem]:
    """Parameters of the blueprint that do not exist or cannot have their value."""
    for name, descriptor in wiring.descriptors.items():
        for key, value in wiring.blueprint.streamlets[name].parameters.items():
            path = streamlet_place(name, "parameters", key)
            parameter = descriptor.parameter_by_name.get(key)
            if parameter is None:
                yield unknown_parameter(path, name, descriptor, key)
            elif (problem := value_problem(path, parameter, value)) is not None:
                yield problem


def deliveries_of_blueprint(wiring: Wiring) -> Iterator[Problem]:
    """Policies for inlets that do not exist, and policies that cannot be kept."""
    for name, descriptor in wiring.descriptors.items():
        overrides = wiring.blueprint.streamlets[name].delivery
        for inlet in overrides:
            if inlet not in descriptor.inlet_by_name:
                path = streamlet_place(name, "delivery", inlet)
                known = tuple(descriptor.inlet_by_name)
                yield UnknownInlet(path=path, streamlet=name, name=inlet, known=known)
        for port in descriptor.inlets:
            delivery = effective_delivery(port, overrides.get(port.name))
            if delivery.guarantee == "exactly-once":
                clusters = _clusters(wiring, name, port)
                path = streamlet_place(name, "delivery", port.name)
                problem = exactly_once_problem(path, descriptor, port, clusters)
                if problem is not None:
                    yield problem


def _clusters(wiring: Wiring, name: str, inlet: PortDescriptor) -> set[str]:
    ports = (inlet, *wiring.descriptors[name].outlets)
    entries = (entry for port in ports for entry in wiring.bound.get(PortPath(name, port.name), ()))
    return {wiring.blueprint.topics[entry.topic].settings.cluster or "default" for entry in entries}


def replicas_of_blueprint(wiring: Wiring) -> Iterator[Problem]:
    """Replicas of sources that are not made for several."""
    for name, descriptor in wiring.descriptors.items():
        replicas = wiring.blueprint.streamlets[name].replicas
        path = streamlet_place(name, "replicas")
        if replicas and (problem := replicas_problem(path, name, descriptor, replicas)):
            yield problem


def taken_dead_letter_topics(wiring: Wiring) -> Iterator[Problem]:
    """Topics with the id of one that the platform has to add."""
    for name, inlet in unwired_dead_letters(wiring):
        topic = dead_letter_topic(name, inlet)
        if topic in wiring.blueprint.topics:
            yield DeadLetterTopicTaken(path=topic_place(topic), streamlet=name, inlet=inlet)


def unwired_dead_letters(wiring: Wiring) -> Iterator[tuple[str, str]]:
    """Streamlet and inlet of dead letters that need a topic of the platform's own."""
    for name, descriptor in wiring.descriptors.items():
        overrides = wiring.blueprint.streamlets[name].delivery
        for inlet in descriptor.inlets:
            delivery = effective_delivery(inlet, overrides.get(inlet.name))
            port = PortPath(name, dead_letter_port(inlet.name))
            if delivery.on_exhausted == "dead-letter" and port not in wiring.bound:
                yield name, inlet.name


def idle_replicas(wiring: Wiring) -> Iterator[Problem]:
    """A warning for streamlets with more replicas than an inlet's topic has partitions."""
    for entry in wiring.entries:
        name = entry.port_path.streamlet
        port = wiring.port(entry)
        if entry.side == "producers" or port is None or port.broadcast:
            continue
        replicas = wiring.blueprint.streamlets[name].replicas or 1
        partitions = wiring.blueprint.topics[entry.topic].settings.partitions
        if partitions is not None and replicas > partitions:
            yield IdleReplicas(
                path=streamlet_place(name, "replicas"),
                streamlet=name,
                replicas=replicas,
                topic=entry.topic,
                partitions=partitions,
            )


def secrets_of_blueprint(wiring: Wiring) -> Iterator[Problem]:
    """A warning for secrets that stand in the blueprint."""
    for name, descriptor in wiring.descriptors.items():
        for key in wiring.blueprint.streamlets[name].parameters:
            parameter = descriptor.parameter_by_name.get(key)
            if parameter is not None and parameter.secret:
                yield SecretInDocument(path=streamlet_place(name, "parameters", key), parameter=key)
