"""The volumes of a streamlet's pod and where its container has them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator import names
from cloudflow_operator.desired import mounts
from streamlet_sdk.runtime.pod.files import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.desired.children import Workload
    from cloudflow_operator.interfaces import Manifest

CONFIGURATION: Final = "cloudflow-configuration"
SECRETS: Final = "cloudflow-secrets"
SCRATCH: Final = "cloudflow-tmp"


def volumes(workload: Workload) -> list[Manifest]:
    """The volumes; those of one PersistentVolumeClaim are one."""
    items = [{"key": mounts.CONFIGURATION, "path": mounts.CONFIGURATION}]
    made: list[Manifest] = [
        {"name": CONFIGURATION, "configMap": {"name": workload.configuration, "items": items}},
        *_of_kafka(workload),
    ]
    if workload.references:
        made.append({"name": SECRETS, "projected": {"sources": list(_sources(workload))}})
    for claim in sorted(set(workload.claims.values())):
        source = {"claimName": claim}
        made.append({"name": names.volume("claim", claim), "persistentVolumeClaim": source})
    return [*made, {"name": SCRATCH, "emptyDir": {}}]


def volume_mounts(workload: Workload) -> list[Manifest]:
    """Where the streamlet's container has them."""
    file = mounts.CONFIGURATION
    made: list[Manifest] = [
        # A file of its own, not the folder: other volumes are mounted beside it.
        {
            "name": CONFIGURATION,
            "mountPath": str(FOLDER / file),
            "subPath": file,
            "readOnly": True,
        },
        *(
            _read_only(names.volume("kafka", name), mounts.kafka_folder(name))
            for name in workload.clusters
        ),
    ]
    if workload.references:
        made.append(_read_only(SECRETS, str(FOLDER / mounts.SECRETS)))
    made += _of_claims(workload)
    return [*made, {"name": SCRATCH, "mountPath": mounts.SCRATCH}]


def _of_claims(workload: Workload) -> Iterator[Manifest]:
    for mount in workload.descriptor.volume_mounts:
        if (claim := workload.claims.get(mount.name)) is not None:
            name = names.volume("claim", claim)
            if mount.access == "ReadOnlyMany":
                yield _read_only(name, mount.path)
            else:
                yield {"name": name, "mountPath": mount.path}


def _read_only(name: str, path: str) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": True}


def _of_kafka(workload: Workload) -> Iterator[Manifest]:
    for name, cluster in workload.clusters.items():
        source: Manifest
        if cluster.secret is not None:
            source = {"secret": {"secretName": cluster.secret}}
        else:
            items = [
                {"key": mounts.kafka_key(name, key), "path": key}
                for key in sorted(cluster.properties)
            ]
            source = {"configMap": {"name": workload.configuration, "items": items}}
        yield {"name": names.volume("kafka", name), **source}


def _sources(workload: Workload) -> Iterator[Manifest]:
    """Each Secret and ConfigMap with the files that are made of its keys."""
    files: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for parameter, source in workload.references.items():
        kind, reference = "secret", source.secret_key_ref
        if reference is None:
            kind, reference = "configMap", source.config_map_key_ref
        assert reference is not None
        files[kind, reference.name].append({"key": reference.key, "path": parameter})
    for (kind, name), items in files.items():
        yield {kind: {"name": name, "items": items}}
