"""What the commands have to know of a cluster before they judge an application.

What the user may not look at is not checked: the operator and Kubernetes will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from cloudflow_cli.application_resource import secret_name
from cloudflow_cli.deploying import secret_values
from cloudflow_cli.kube import applications
from cloudflow_cli.kube.errors import RefusedByServerError
from cloudflow_cli.kube.kinds import AUTOSCALER, CLAIM, SECRET
from cloudflow_cli.kube.session import Target
from cloudflow_operator.api.v1alpha1 import Application
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import DEPLOYMENT
from cloudflow_operator.ownership import is_going
from cloudflow_operator.topic_states import Place, named_by
from streamlet_sdk.runtime.pod.files import SERVERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudflow_cli.application_resource import Manifest
    from cloudflow_cli.kube.operators import Operator
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.desired.clusters import KafkaClusters

# How pods connect is the operator's to know, and whether they can; here it is the same everywhere.
_SOMEWHERE: Final = {SERVERS: "known-to-the-operator:9092"}


def read_application(manifest: Manifest) -> Application:
    """An application as the API server has it.

    Raises:
        RefusedByServerError: when it is of a form that this command line does not know.
    """
    try:
        return Application.model_validate(manifest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RefusedByServerError(
            f"The application on the cluster cannot be read: {place}: {first['msg']}.",
            hint="Use the command line that belongs to the cluster's operator.",
        ) from None


def kafka_clusters(operator: Operator) -> KafkaClusters:
    """The Kafka clusters that an operator tells of, as far as applications depend on them."""
    return {
        name: KafkaCluster(
            prefix=one.prefix,
            partitions=one.partitions or 1,
            replication_factor=one.replication_factor,
            properties=_SOMEWHERE,
        )
        for name, one in operator.clusters.items()
    }


async def stored_secrets(
    session: Session, application: str, *, is_needed: bool
) -> Mapping[str, str] | None:
    """What the Secret of an application's parameters holds; None when nobody may look.

    Args:
        session: where.
        application: its name.
        is_needed: whether to fail when it may not be looked at.
    """
    target = Target(SECRET, session.namespace, secret_name(application))
    try:
        return secret_values.decoded(await session.server.read(target))
    except ForbiddenError:
        if is_needed:
            raise
        return None


async def claims(
    session: Session, application: Application
) -> Mapping[str, tuple[str, ...]] | None:
    """Access modes of the namespace's PersistentVolumeClaims, by name; None: nobody may look.

    Asked only where the application may use one.
    """
    spec = application.spec
    entries = (*spec.streamlets, *spec.overrides)
    if not any(one.volume_claims or one.pod_template for one in entries) and not spec.runtimes:
        return {}
    try:
        found = await session.server.listed(CLAIM, session.namespace)
    except ForbiddenError:
        return None
    return {
        one["metadata"]["name"]: tuple(one.get("spec", {}).get("accessModes", ())) for one in found
    }


async def autoscalers(session: Session, application: Application) -> Mapping[str, str]:
    """The namespace's HorizontalPodAutoscalers by the Deployment that each scales.

    Asked only where the application says how many replicas there are. None where nobody may look.
    """
    spec = application.spec
    if not any(one.replicas is not None for one in (*spec.streamlets, *spec.overrides)):
        return {}
    try:
        found = await session.server.listed(AUTOSCALER, session.namespace)
    except ForbiddenError:
        return {}
    scaled = ((one["spec"]["scaleTargetRef"], one["metadata"]["name"]) for one in found)
    return {ref["name"]: name for ref, name in scaled if ref["kind"] == DEPLOYMENT.name}


async def others(
    session: Session, application: Application, clusters: KafkaClusters
) -> Sequence[Application]:
    """Applications that name a topic of this one, as far as this user may see them.

    Of its namespace; of all where it gives a topic the name of one that may be another's.
    """
    intent = Intent(application, clusters)
    own = {Place(one.cluster, intent.kafka_name(one)) for one in intent.topics.values()}
    is_named = any(one.kafka_name is not None for one in intent.topics.values())
    found, _ = await applications.visible(session, everywhere=is_named)
    return [
        other
        for one in found
        if not is_going(one) and not own.isdisjoint(named_by(one))
        if (other := _readable(one)) is not None and not _is_same(other, application)
    ]


def _readable(manifest: Manifest) -> Application | None:
    """Another one's application; one of an unknown form is for its own command line."""
    try:
        return Application.model_validate(manifest)
    except ValidationError:
        return None


def _is_same(one: Application, other: Application) -> bool:
    mine, theirs = one.metadata, other.metadata
    return (mine.namespace, mine.name) == (theirs.namespace, theirs.name)
