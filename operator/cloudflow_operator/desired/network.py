"""Services of streamlets that listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.desired.children import child, stamped
from cloudflow_operator.desired.runtime_config import SERVER_PORT
from cloudflow_operator.interfaces import SERVICE

if TYPE_CHECKING:
    from cloudflow_operator.desired.children import Workload
    from cloudflow_operator.interfaces import Manifest

PORT_NAME: Final = "http"


def service(workload: Workload) -> Manifest | None:
    """The Service in front of a streamlet's ready pods; None when it does not listen."""
    if workload.descriptor.server is None:
        return None
    made = child(
        SERVICE,
        workload.application,
        workload.object_name,
        workload.labels,
        spec={
            "type": "ClusterIP",
            "selector": workload.identity,
            "ports": [
                {
                    "name": PORT_NAME,
                    "port": SERVER_PORT,
                    "targetPort": PORT_NAME,
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    )
    return stamped(made)
