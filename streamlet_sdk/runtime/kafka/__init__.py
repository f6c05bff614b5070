"""The transport to a real Kafka, on aiokafka; nothing else in the project imports aiokafka.

Clusters of the pod's process and of `sandbox --kafka` are made with `KafkaTransport`.
"""

from __future__ import annotations

from streamlet_sdk.runtime.kafka.transport import KafkaTransport

__all__ = ["KafkaTransport"]
