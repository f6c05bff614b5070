"""An embedded broker for the sandbox and for tests: Kafka's behaviour, in memory.

It implements the Protocols of `streamlet_sdk.runtime.transport` and passes the same contract
suite as the Kafka transport. It stores nothing and serves no other process.
"""

from streamlet_sdk.broker.broker import EmbeddedBroker, EmbeddedTransport
from streamlet_sdk.broker.faults import Fault, Faults
from streamlet_sdk.broker.topics import StoredRecord, Topic

__all__ = ["EmbeddedBroker", "EmbeddedTransport", "Fault", "Faults", "StoredRecord", "Topic"]
