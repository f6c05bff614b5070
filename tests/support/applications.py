"""Application resources for the tests of the operator: turbines on a cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from cloudflow_operator.api.v1alpha1 import Application
from cloudflow_operator.desired.application import desired
from cloudflow_operator.desired.clusters import KafkaCluster
from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Streamlet, VolumeMount, source
from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflow_operator.desired.application import Desired
    from cloudflow_operator.desired.clusters import KafkaClusters
    from streamlet_sdk.problems import Problem

NAME = "sensor-data"
NAMESPACE = "plant"
IMAGE = "registry.example/sensor-data@sha256:1111"
PLAIN = KafkaCluster(
    properties={"bootstrap.servers": "kafka.plant:9092"}, partitions=3, replication_factor=2
)
SECURED = KafkaCluster(prefix="east.", secret="kafka-east")
CLUSTERS: KafkaClusters = {"default": PLAIN, "east": SECURED}


class Metric(BaseModel):
    """What all ports carry."""

    value: float


class MetricsIngress(Streamlet):
    """Listens, as far as a descriptor can tell."""

    __server__ = "ingress"
    out = Outlet(Metric)


class Poll(Streamlet):
    """A source that only one replica may run."""

    out = Outlet(Metric)

    @source(every=timedelta(minutes=1))
    def poll(self) -> Iterator[Emission]:
        """Never asked."""
        yield self.out(Metric(value=1.0))


class Validation(Streamlet):
    """Takes from one topic, writes to another, has parameters and dead letters."""

    in_ = Inlet(Metric)
    out = Outlet(Metric)
    floor = Parameter(float, default=0.0)
    label = Parameter(str, default="good", pattern="[a-z]+")
    token = Parameter(str, default="", secret=True)

    @in_.each
    def keep(self, metric: Metric) -> Emission:
        """Never asked."""
        return self.out(metric)


class Store(Streamlet):
    """Needs a parameter and two directories."""

    in_ = Inlet(Metric)
    url = Parameter(str, secret=True)
    models = VolumeMount("/models")
    state = VolumeMount("/state", access="ReadWriteOnce")

    @in_.each
    def keep(self, metric: Metric) -> None:
        """Never asked."""


CLASSES: tuple[type[Streamlet], ...] = (MetricsIngress, Poll, Validation, Store)


def class_name(cls: type[Streamlet]) -> str:
    """The class as the resource names it."""
    return f"plant:{cls.__name__}"


def described(*classes: type[Streamlet]) -> dict[str, list[dict[str, Any]]]:
    """What `spec.descriptors` and `spec.schemas` have of some classes."""
    descriptors: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    for cls in classes:
        descriptor, problems = describe(cls, class_name(cls))
        assert descriptor is not None, problems
        made = descriptor.model_dump(mode="json", by_alias=True, exclude_none=True)
        for port in (*made["inlets"], *made["outlets"]):
            texts[port["schema"]["fingerprint"]] = port["schema"].pop("text")
        descriptors.append(made)
    schemas = [{"fingerprint": key, "text": text} for key, text in texts.items()]
    return {"descriptors": descriptors, "schemas": schemas}


DESCRIPTORS = described(*CLASSES)["descriptors"]


def a_streamlet(name: str, cls: type[Streamlet] = Validation, **fields: Any) -> dict[str, Any]:
    """An entry of `spec.streamlets`."""
    return {"name": name, "class": class_name(cls), **fields}


def a_topic(
    name: str, producers: tuple[str, ...] = (), consumers: tuple[str, ...] = (), **fields: Any
) -> dict[str, Any]:
    """An entry of `spec.topics`."""
    return {"name": name, "producers": producers, "consumers": consumers, **fields}


def a_store(**fields: Any) -> dict[str, Any]:
    """A streamlet with everything that `Store` needs."""
    needed = {
        "parameters": [
            {"name": "url", "valueFrom": {"secretKeyRef": {"name": "database", "key": "url"}}}
        ],
        "volumeClaims": [
            {"mount": "models", "claimName": "models.v2"},
            {"mount": "state", "claimName": "state"},
        ],
    }
    return a_streamlet("store", Store, **{**needed, **fields})


def a_document(annotations: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A resource that renders: ingress → validation → nothing; words replace parts of its spec."""
    usual = {
        "sdk": {"version": "0.1.0", "contract": 1},
        "version": "1.4.0",
        "image": IMAGE,
        "streamlets": [a_streamlet("ingress", MetricsIngress), a_streamlet("validation")],
        "topics": [
            a_topic("raw", ("ingress.out",), ("validation.in",)),
            a_topic("good", ("validation.out",)),
        ],
        "descriptors": DESCRIPTORS,
    }
    metadata = {
        "name": NAME,
        "namespace": NAMESPACE,
        "uid": "8f0c",
        "annotations": dict(annotations or {}),
    }
    return {"metadata": metadata, "spec": {**usual, **spec}}


def an_application(annotations: Mapping[str, str] | None = None, **spec: Any) -> Application:
    """The application of `a_document`."""
    return Application.model_validate(a_document(annotations, **spec))


def desired_of(clusters: KafkaClusters = CLUSTERS, **spec: Any) -> Desired:
    """What shall be there for `an_application`."""
    return desired(an_application(**spec), clusters)


def problems_of(clusters: KafkaClusters = CLUSTERS, **spec: Any) -> list[Problem]:
    """Everything that is wrong with `an_application`."""
    try:
        desired_of(clusters, **spec)
    except ConfigurationError as error:
        return list(error.problems)
    return []
