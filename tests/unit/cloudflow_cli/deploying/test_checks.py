"""What does not fit a cluster is found before anything is written, all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from cloudflow_cli.deploying.checks import Ground, problems, warnings
from cloudflow_operator import names
from streamlet_sdk import Inlet, Outlet, Streamlet
from support.applications import (
    CLUSTERS,
    NAME,
    MetricsIngress,
    Poll,
    a_store,
    a_streamlet,
    a_topic,
    described,
)
from support.deploying import application

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_operator.api.v1alpha1 import Application

GOOD = {"models.v2": ("ReadOnlyMany",), "state": ("ReadWriteOnce",)}
WITH_STORE: dict[str, Any] = {
    "streamlets": [a_streamlet("ingress", MetricsIngress), a_store()],
    "topics": [a_topic("raw", ("ingress.out",), ("store.in",))],
}


def found(after: Application, **ground: Any) -> list[tuple[str, str]]:
    there = {"clusters": CLUSTERS, "claims": GOOD, **ground}
    return [(type(one).__name__, one.path) for one in problems(after, Ground(**there))]


def test_what_fits_has_no_problems() -> None:
    assert found(application(**WITH_STORE)) == []


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"state": ("ReadWriteOnce",)}, "MissingClaim"),
        ({**GOOD, "models.v2": ("ReadWriteOnce",)}, "WrongAccess"),
    ],
)
def test_claims_have_to_be_there_with_the_right_access(
    claims: Mapping[str, tuple[str, ...]], problem: str
) -> None:
    path = "spec.streamlets.store.volumeClaims.models"
    assert found(application(**WITH_STORE), claims=claims) == [(problem, path)]


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"])
def test_a_claim_that_allows_more_than_is_wanted_fits(mode: str) -> None:
    claims = {"models.v2": ("ReadWriteMany",), "state": (mode,)}
    assert found(application(**WITH_STORE), claims=claims) == []


def test_a_claim_that_a_pod_template_names_has_to_be_there() -> None:
    volume = {"name": "extra", "persistentVolumeClaim": {"claimName": "gone"}}
    template = {"spec": {"volumes": [volume]}}
    store = {
        **WITH_STORE,
        "streamlets": [WITH_STORE["streamlets"][0], a_store(podTemplate=template)],
    }
    path = "spec.streamlets.store.podTemplate"
    assert found(application(**store)) == [("MissingClaim", path)]


def test_what_nobody_may_look_at_is_not_checked() -> None:
    assert found(application(**WITH_STORE), claims=None, secret_keys=None) == []


def test_acc_10_a_kafka_cluster_that_the_operator_does_not_know_is_named() -> None:
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",), cluster="west"),
        a_topic("good", ("validation.out",)),
    ]
    after = application(topics=topics)
    (problem,) = {str(one) for one in problems(after, Ground(clusters=CLUSTERS))}
    assert "no Kafka cluster 'west'" in problem
    assert "default, east" in problem


def test_a_secret_whose_value_is_nowhere_is_a_problem() -> None:
    reference = {"name": "sensor-data-parameters", "key": "validation.token"}
    parameters = [{"name": "token", "valueFrom": {"secretKeyRef": reference}}]
    after = application(
        streamlets=[
            a_streamlet("ingress", MetricsIngress),
            a_streamlet("validation", parameters=parameters),
        ]
    )
    path = "spec.streamlets.validation.parameters.token"
    assert found(after) == [("MissingSecretValue", path)]
    assert found(after, secret_keys={"validation.token"}) == []


@pytest.mark.parametrize(("asked", "there"), [(4, None), (None, 4), (2, 4)])
def test_partitions_are_never_lowered(asked: int | None, there: int | None) -> None:
    def with_raw(partitions: int | None) -> Application:
        number = {} if partitions is None else {"partitions": partitions}
        raw = a_topic("raw", ("ingress.out",), ("validation.in",), **number)
        return application(topics=[raw, a_topic("good", ("validation.out",))])

    before = with_raw(asked)
    topic = {"name": "raw", "kafkaName": "r", "partitions": there, "state": "Ready"}
    if there is not None:
        status = type(before.status).model_validate({"topics": [topic]})
        before = before.model_copy(update={"status": status})
    assert found(with_raw(3), before=before) == [
        ("LoweredPartitions", "spec.topics.raw.partitions")
    ]
    assert found(with_raw(4), before=before) == []


class _Old(BaseModel):
    value: float


class _New(BaseModel):
    value: float
    unit: str


class _Fitting(BaseModel):
    value: float
    unit: str = ""


def _pair(model: type[BaseModel], topic: str = "metrics", **fields: Any) -> Application:
    """A writer and a reader of one model; words say more of the topic between them."""
    model = type("Metric", (model,), {"__doc__": "The record."})
    writer = type("Writer", (Streamlet,), {"out": Outlet(model), "__doc__": "Writes."})
    inlet = Inlet(model)

    def keep(self: Any, value: Any) -> None:
        """Nothing."""

    keep.__annotations__ = {"value": model, "return": None}
    reader = type(
        "Reader", (Streamlet,), {"in_": inlet, "keep": inlet.each(keep), "__doc__": "Reads."}
    )
    return application(
        streamlets=[a_streamlet("writer", writer), a_streamlet("reader", reader)],
        topics=[a_topic(topic, ("writer.out",), ("reader.in",), **fields)],
        **described(writer, reader),
    )


def test_records_that_are_in_a_topic_have_to_stay_readable() -> None:
    (problem,) = problems(_pair(_New), Ground(clusters=CLUSTERS, before=_pair(_Old)))
    assert problem.path == "spec.topics.metrics.consumers.0"
    assert "'reader.in' could not read what 'writer.out' has written until now" in problem.sentence
    assert "unit" in problem.sentence


def test_a_field_with_a_default_leaves_records_readable() -> None:
    assert found(_pair(_Fitting), before=_pair(_Old)) == []


def test_old_readers_that_cannot_read_new_writers_are_a_warning() -> None:
    before, after = _pair(_New), _pair(_Old)
    assert found(after, before=before) == []
    (warning,) = warnings(after, Ground(clusters=CLUSTERS, before=before))
    assert warning.path == "spec.topics.metrics.producers.0"
    assert "'reader.in' as it runs now could not read what the new 'writer.out'" in warning.sentence
    assert "unit" in warning.sentence


def test_old_readers_that_have_a_default_are_no_warning() -> None:
    ground = Ground(clusters=CLUSTERS, before=_pair(_Fitting))
    assert warnings(_pair(_Old), ground) == []


def _elsewhere(one: Application, name: str = "billing") -> Application:
    return one.model_copy(update={"metadata": one.metadata.model_copy(update={"name": name})})


def test_applications_that_share_a_topic_have_to_read_each_other() -> None:
    mine, theirs = (_pair(model, kafkaName="plant.metrics") for model in (_New, _Old))
    assert found(mine, others=[_elsewhere(theirs)]) == []
    (warning,) = warnings(mine, Ground(clusters=CLUSTERS, others=[_elsewhere(theirs)]))
    assert warning.path == "spec.topics.metrics.consumers.0"
    told = "'reader.in' cannot read what 'writer.out' of plant/billing writes into 'plant.metrics'"
    assert told in warning.sentence
    assert "unit" in warning.sentence
    (warning,) = warnings(theirs, Ground(clusters=CLUSTERS, others=[_elsewhere(mine)]))
    assert warning.path == "spec.topics.metrics.producers.0"
    told = "'reader.in' of plant/billing cannot read what 'writer.out' writes into 'plant.metrics'"
    assert told in warning.sentence


def test_a_topic_is_shared_by_its_name_in_kafka_alone() -> None:
    others = [_elsewhere(_pair(_Old))]
    assert warnings(_pair(_New), Ground(clusters=CLUSTERS, others=others)) == []
    named = _pair(_New, kafkaName="plant.billing.metrics")
    assert warnings(named, Ground(clusters=CLUSTERS, others=others)) != []
    far = _pair(_New, kafkaName="plant.billing.metrics", cluster="east")
    assert warnings(far, Ground(clusters=CLUSTERS, others=others)) == []
    prefixed = [_elsewhere(_pair(_Old, cluster="east"))]
    far = _pair(_New, kafkaName="east.plant.billing.metrics", cluster="east")
    assert warnings(far, Ground(clusters=CLUSTERS, others=prefixed)) != []


def test_records_of_a_topic_that_is_no_longer_read_do_not_matter() -> None:
    assert found(_pair(_New, "metrics-v2"), before=_pair(_Old)) == []


def test_replicas_without_partitions_are_a_warning() -> None:
    def scaled(replicas: int) -> Application:
        return application(
            streamlets=[
                a_streamlet("ingress", MetricsIngress, replicas=9),
                a_streamlet("validation", replicas=replicas),
            ]
        )

    # The cluster's default is three.
    assert warnings(scaled(3), Ground(clusters=CLUSTERS)) == []
    (warning,) = warnings(scaled(4), Ground(clusters=CLUSTERS))
    assert "4 replicas of 'validation' share 3 partitions of 'raw'" in warning.sentence


def test_replicas_that_an_autoscaler_sets_too_are_a_warning() -> None:
    def asked(**fields: Any) -> list[str]:
        autoscalers = {names.workload(NAME, "validation"): "by-lag"}
        streamlets = [a_streamlet("ingress", MetricsIngress, replicas=2)]
        after = application(streamlets=[*streamlets, a_streamlet("validation", **fields)])
        ground = Ground(clusters=CLUSTERS, autoscalers=autoscalers)
        return [one.sentence for one in warnings(after, ground)]

    assert asked() == []
    (sentence,) = asked(replicas=1)
    assert "'by-lag'" in sentence
    assert "the replicas of 'validation' are set to 1" in sentence


def test_an_override_that_cannot_be_is_told_at_its_place() -> None:
    after = application(
        streamlets=[a_streamlet("poll", Poll)],
        topics=[a_topic("raw", ("poll.out",))],
        overrides=[{"name": "poll", "replicas": 2}],
    )
    assert found(after) == [("SourceNotReplicated", "spec.overrides.poll.replicas")]
