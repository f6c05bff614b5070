"""Everything that the operator refuses to render, as problems with their place in the resource.

The API server has checked what the schema can say. Most rules are those of a blueprint, so the
SDK's own checks hold them; `CHECKS` is the specification, with the check of pod templates, which
needs the rendered pod and is in `patches`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudflow_operator import names
from cloudflow_operator.desired import mounts
from cloudflow_operator.desired.problems import (
    KafkaNameTaken,
    MountPathTaken,
    MountWithoutClaim,
    NameTaken,
    UnknownKafkaCluster,
    UnsupportedContract,
)
from cloudflow_operator.desired.runtime_config import CONTRACTS, is_reference
from streamlet_sdk.blueprint import checks, policies
from streamlet_sdk.blueprint.descriptor import RUNTIME
from streamlet_sdk.blueprint.legality import is_kafka_name
from streamlet_sdk.blueprint.problems.settings import (
    InvalidParameterValue,
    MissingParameter,
    UnknownMount,
)
from streamlet_sdk.blueprint.problems.wiring import InvalidTopicName, UnknownRuntime
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.runtime.positions import POSITIONS_TOPIC
from streamlet_sdk.runtime.schemas import SCHEMAS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cloudflow_operator.api.v1alpha1 import Parameter
    from cloudflow_operator.desired.intent import Intent
    from streamlet_sdk.blueprint.descriptor import ParameterDescriptor
    from streamlet_sdk.blueprint.wiring import Wiring
    from streamlet_sdk.problems import Problem

# Of a blueprint's checks all but those that compare schemas: `verify` and `deploy` have done so,
# and protobuf could not be compared without its package. Parameters have values by reference here.
WIRING: Final[tuple[Callable[[Wiring], Iterator[Problem]], ...]] = (
    checks.illegal_streamlet_names,
    checks.illegal_topic_names,
    checks.unknown_classes,
    checks.malformed_port_paths,
    checks.unknown_ports,
    checks.ports_of_many_topics,
    checks.unconnected_ports,
    policies.deliveries_of_blueprint,
    policies.replicas_of_blueprint,
    policies.taken_dead_letter_topics,
)


def contract(intent: Intent) -> Iterator[Problem]:
    """An image that could not read what is rendered."""
    sdk = intent.application.spec.sdk
    if sdk.contract not in CONTRACTS:
        yield UnsupportedContract(
            path="spec.sdk.contract", contract=sdk.contract, sdk=sdk.version, known=CONTRACTS
        )


def wiring(intent: Intent) -> Iterator[Problem]:
    """What the rules of a blueprint forbid."""
    for check in WIRING:
        for problem in check(intent.wiring):
            yield replace(problem, path=_in_resource(problem.path))


def _in_resource(path: str) -> str:
    """The path in the resource of what has a path in a blueprint."""
    below = path.removeprefix("blueprint.")
    if below.startswith("topics.") and below.endswith(".topic.name"):
        below = f"{below.removesuffix('.topic.name')}.kafkaName"
    return f"spec.{below}"


def unreadable(intent: Intent) -> Iterator[Problem]:
    """Descriptors, settings and policies that could not be read."""
    yield from intent.readings.problems


def runtimes(intent: Intent) -> Iterator[Problem]:
    """Sections of runtimes that do not exist."""
    for one in intent.application.spec.runtimes:
        if one.name != RUNTIME:
            path = dotted(("spec", "runtimes", one.name))
            yield UnknownRuntime(path=path, name=one.name, known=(RUNTIME,))


def parameters(intent: Intent) -> Iterator[Problem]:
    """Parameters that do not exist, have no value, or one that they cannot have."""
    for name, descriptor in intent.descriptors.items():
        given = intent.streamlets[name].parameters
        place = ("spec", "streamlets", name, "parameters")
        for key, parameter in given.items():
            path = dotted((*place, key))
            declared = descriptor.parameter_by_name.get(key)
            if declared is None:
                yield policies.unknown_parameter(path, name, descriptor, key)
            elif (problem := _value_problem(path, declared, parameter)) is not None:
                yield problem
        for declared in descriptor.parameters:
            if declared.required and declared.name not in given:
                yield MissingParameter(
                    path=dotted((*place, declared.name)),
                    streamlet=name,
                    parameter=declared.name,
                    kind=declared.kind,
                )


def _value_problem(
    path: str, declared: ParameterDescriptor, parameter: Parameter
) -> Problem | None:
    if parameter.value is not None:
        return policies.value_problem(path, declared, parameter.value)
    if is_reference(parameter):
        return None  # only the pod sees the value
    reason = "it has neither a value nor one place that holds it"
    return InvalidParameterValue(path=path, parameter=declared.name, reason=reason)


def volumes(intent: Intent) -> Iterator[Problem]:
    """Claims for mounts that do not exist, mounts without one, and mounts that hide ours."""
    for name, descriptor in intent.descriptors.items():
        claims = intent.streamlets[name].claims
        place = ("spec", "streamlets", name, "volumeClaims")
        known = tuple(mount.name for mount in descriptor.volume_mounts)
        for mount in sorted(claims.keys() - {*known}):
            path = dotted((*place, mount))
            yield UnknownMount(path=path, streamlet=name, name=mount, known=known)
        for one in descriptor.volume_mounts:
            path = dotted((*place, one.name))
            if one.name not in claims:
                yield MountWithoutClaim(
                    path=path, streamlet=name, mount=one.name, access=one.access
                )
            if (taken := mounts.hidden(one.path)) is not None:
                yield MountPathTaken(path=path, mount=one.name, mount_path=one.path, taken=taken)


def clusters(intent: Intent) -> Iterator[Problem]:
    """Kafka clusters that do not exist, or whose Secret cannot be used."""
    for topic in intent.application.spec.topics:
        name, path = topic.cluster, dotted(("spec", "topics", topic.name, "cluster"))
        if name not in intent.clusters:
            known = tuple(sorted(intent.clusters))
            yield UnknownKafkaCluster(path=path, name=name, known=known)
    for name in dict.fromkeys(one.cluster for one in intent.topics.values()):
        yield from intent.cluster(name).problems


def kafka_names(intent: Intent) -> Iterator[Problem]:
    """Topics that are too alike in Kafka, or whose name there is too long."""
    own = (SCHEMAS_TOPIC, POSITIONS_TOPIC)
    first: dict[tuple[str, str], str] = {}
    for topic in intent.topics.values():
        name = intent.kafka_name(topic)
        path = dotted(("spec", "topics", topic.name, "kafkaName"))
        if topic.kafka_name is None and is_kafka_name(topic.name) and not is_kafka_name(name):
            yield InvalidTopicName(path=path, name=name)
        key = topic.cluster, _plain(name)
        if key[1] in map(_plain, own):
            yield KafkaNameTaken(path=path, kafka_name=name, other="the platform's own topic")
        elif (other := first.setdefault(key, topic.name)) != topic.name:
            yield KafkaNameTaken(path=path, kafka_name=name, other=f"topic {other!r}")


def _plain(kafka_name: str) -> str:
    # Kafka makes no topic whose name differs from another's only so: its metrics would mix them.
    return kafka_name.replace("_", ".")


def object_names(intent: Intent) -> Iterator[Problem]:
    """Streamlets whose objects would take each other's place."""
    application = intent.application
    first: dict[str, int] = {}
    for number, one in enumerate(application.spec.streamlets):
        name = names.workload(application.metadata.name, one.name)
        earlier = first.setdefault(name, number)
        if earlier != number:
            other = application.spec.streamlets[earlier].name
            path = dotted(("spec", "streamlets", one.name))
            yield NameTaken(path=path, name=name, other=other)


CHECKS: Final[tuple[Callable[[Intent], Iterator[Problem]], ...]] = (
    contract,
    wiring,
    unreadable,
    runtimes,
    parameters,
    volumes,
    clusters,
    kafka_names,
    object_names,
)


def problems(intent: Intent) -> Iterator[Problem]:
    """Everything that is wrong, each at the place that set it."""
    for check in CHECKS:
        for problem in check(intent):
            yield replace(problem, path=_origin(problem.path, intent.effective.origins))


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """`path`, or where an override or a runtime set what stands at it or above it."""
    above, below = path, ""
    while above:
        if above in origins:
            return origins[above] + below
        above, dot, last = above.rpartition(".")
        below = f"{dot}{last}{below}"
    return path
