"""What users write streamlets with."""

from streamlet_sdk.delivery import Delivery, Retry
from streamlet_sdk.handlers import source
from streamlet_sdk.parameters import MemorySize, Parameter, VolumeMount
from streamlet_sdk.ports import BoundOutlet, Codec, Inlet, Outlet
from streamlet_sdk.records import Checkpoint, Emission, Failure, Record, Reject, Written
from streamlet_sdk.serde.marker import Avro
from streamlet_sdk.streamlet import Context, Streamlet

__all__ = [
    "Avro",
    "BoundOutlet",
    "Checkpoint",
    "Codec",
    "Context",
    "Delivery",
    "Emission",
    "Failure",
    "Inlet",
    "MemorySize",
    "Outlet",
    "Parameter",
    "Record",
    "Reject",
    "Retry",
    "Streamlet",
    "VolumeMount",
    "Written",
    "source",
]
