"""What an application goes through in its life, and what is there after each stage.

What is there is comparable between applications in different namespaces that went the same way.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cloudflow_operator import names
from streamlet_sdk.runtime.schemas import SCHEMAS_TOPIC
from support.applications import MetricsIngress, a_streamlet, a_topic
from support.installed_application import KINDS, Installed, merge
from support.operator_process import application

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamlet_sdk.runtime.transport import Admin
    from support.kube import Document

APPLICATION = "plant"
_REPLICA_SETS = ("apps/v1", "ReplicaSet")
TOPICS = ("raw", "good", "best")
_OF_CONTENT = re.compile(r"(-[0-9a-f]{8})-[0-9a-f]{8}\b")
_CHANCE = {
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "status",
    "clusterIP",
    "clusterIPs",
    names.INPUTS,
}
"""Fields that differ between two that are alike."""


def whole(namespace: str) -> Document:
    """Three streamlets in a row; their topics go with them."""
    streamlets = [
        a_streamlet("ingress", MetricsIngress),
        a_streamlet("validation"),
        a_streamlet("check"),
    ]
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",)),
        a_topic("good", ("validation.out",), ("check.in",)),
        a_topic("best", ("check.out",)),
    ]
    return application(
        APPLICATION, namespace, streamlets=streamlets, topics=topics, deletionPolicy="Delete"
    )


async def _deploy(one: Installed) -> None:
    made = await one.kube.create(one.document)
    one.document["metadata"]["uid"] = made["metadata"]["uid"]


async def _configure(one: Installed) -> None:
    streamlets = [
        {**each, "parameters": [{"name": "floor", "value": "2.5"}]}
        if each["name"] == "validation"
        else each
        for each in one.document["spec"]["streamlets"]
    ]
    await merge(one.kube, one.document, {"spec": {"streamlets": streamlets}})


async def _scale(one: Installed) -> None:
    overrides = [{"name": "validation", "replicas": 3}, {"name": "ingress", "replicas": 2}]
    await merge(one.kube, one.document, {"spec": {"overrides": overrides}})


async def _remove(one: Installed) -> None:
    spec = (await one.read())["spec"]
    topics = [each for each in spec["topics"] if each["name"] != "best"]
    topics[1].pop("consumers")
    streamlets = [each for each in spec["streamlets"] if each["name"] != "check"]
    await merge(one.kube, one.document, {"spec": {"streamlets": streamlets, "topics": topics}})


async def _undeploy(one: Installed) -> None:
    await one.kube.delete(one.document)


STAGES: dict[str, Callable[[Installed], Awaitable[None]]] = {
    "deploy": _deploy,
    "configure": _configure,
    "scale": _scale,
    "remove a streamlet": _remove,
    "undeploy": _undeploy,
}


async def what_is_there(one: Installed, admin: Admin) -> dict[str, Any]:
    """The resource, its children and its topics, without what is by chance or of a moment."""
    own = await _labelled(one, (*KINDS, _REPLICA_SETS))
    kafka = {f"{one.namespace}.{one.name}.{topic}": topic for topic in TOPICS}
    topics = await admin.topics(list(kafka))
    found = {
        "resource": _of_resource(await one.kube.find(one.document)),
        "children": [_plain(each) for each in own if not _is_replica_set(each)],
        "templates": [
            each["metadata"]["ownerReferences"][0]["name"] for each in own if _is_replica_set(each)
        ],
        "topics": [each for name, each in kafka.items() if topics[name] is not None],
    }
    text = json.dumps(found).replace(one.namespace, "NAMESPACE")
    return {
        part: sorted(content, key=json.dumps) if isinstance(content, list) else content
        for part, content in json.loads(_OF_CONTENT.sub(r"\1-CONTENT", text)).items()
    }


async def is_followed(one: Installed) -> bool:
    """Whether operator and controllers have seen the last change, and all that comes of it."""
    resource = await one.kube.find(one.document)
    if resource is None:
        return not await _labelled(one, (*KINDS, _REPLICA_SETS))
    status, generation = resource.get("status", {}), resource["metadata"]["generation"]
    if "deletionTimestamp" in resource["metadata"] or status.get("observedGeneration") != (
        generation
    ):
        return False
    deployments = await one.kube.listed("apps/v1", "Deployment", one.namespace)
    return len(deployments) == len(resource["spec"]["streamlets"]) and all(
        each.get("status", {}).get("observedGeneration") == each["metadata"]["generation"]
        for each in deployments
    )


async def _labelled(one: Installed, kinds: Sequence[tuple[str, str]]) -> list[Document]:
    lists = [await one.kube.listed(*kind, one.namespace) for kind in kinds]
    labels = [(each["metadata"].get("labels") or {}, each) for found in lists for each in found]
    return [each for own, each in labels if names.APPLICATION in own]


def _of_resource(found: Document | None) -> Any:
    if found is None:
        return None
    status = found.get("status", {})
    return {
        "finalizers": found["metadata"].get("finalizers"),
        "generation": found["metadata"]["generation"],
        "seen": status.get("observedGeneration"),
        "topics": [_of_topic(each) for each in status.get("topics", ())],
        "streamlets": [each["name"] for each in status.get("streamlets", ())],
        "conditions": {
            each["type"]: each["status"]
            for each in status.get("conditions", ())
            if each["type"] in {"ConfigurationValid", "TopicsReady", "Overridden"}
        },
    }


def _of_topic(found: dict[str, Any]) -> dict[str, Any]:
    # Whoever came first made what all applications share.
    shared = found["kafkaName"] == SCHEMAS_TOPIC
    return {key: value for key, value in found.items() if not (shared and key == "created")}


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if key not in _CHANCE}
    return [_plain(one) for one in node] if isinstance(node, list) else node


def _is_replica_set(found: Document) -> bool:
    return bool(found["kind"] == _REPLICA_SETS[1])
