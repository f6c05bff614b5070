"""The applications of the benchmark: five streamlets in a row, on topics that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, Application
from cloudflow_operator.desired.application import desired
from support.applications import (
    PLAIN,
    MetricsIngress,
    Validation,
    a_document,
    a_streamlet,
    a_topic,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.interfaces import Manifest

STREAMLETS = 5
PER_NAMESPACE = 50
STEPS = [f"step-{number}" for number in range(1, STREAMLETS)]


def namespaces(applications: int) -> list[str]:
    """Where they are, fifty in each."""
    return [f"bench-{number}" for number in range(-(-applications // PER_NAMESPACE))]


def application(number: int) -> dict[str, Any]:
    """One of many."""
    return named(f"app-{number}", f"bench-{number // PER_NAMESPACE}")


def named(name: str, namespace: str, steps: int = STREAMLETS - 1) -> dict[str, Any]:
    """An application of an ingress and `steps` further streamlets, with one replica each."""
    rows = [f"step-{number}" for number in range(1, steps + 1)]
    writers = ["ingress", *rows]
    made = a_document(
        streamlets=[
            a_streamlet("ingress", MetricsIngress, replicas=1),
            *(a_streamlet(one, Validation, replicas=1) for one in rows),
        ],
        topics=[
            a_topic(
                f"after-{writer}",
                (f"{writer}.out",),
                (f"{rows[number]}.in",) if number < steps else (),
                kafkaName=f"bench.{number}",
            )
            for number, writer in enumerate(writers)
        ],
    )
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": made["spec"],
    }


def children(document: dict[str, Any]) -> Iterator[Manifest]:
    """What an operator writes for it, without an owner, as the bare loop writes it."""
    owned = {**document, "metadata": {**document["metadata"], "uid": "bare"}}
    for manifest in desired(Application.model_validate(owned), {"default": PLAIN}).manifests():
        metadata = {**manifest["metadata"]}
        del metadata["ownerReferences"]
        yield {**manifest, "metadata": metadata}
