from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.kube_server import FakeServer, serve

if TYPE_CHECKING:
    from support.kube_server import Manifest


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A cluster with nothing on it, which every command talks to; its namespace is `plant`."""
    made = FakeServer()
    serve(monkeypatch, made)
    return made


@pytest.fixture
def status() -> Manifest:
    """The status of an application with one crashing pod."""
    generation = {"observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {
        "observedGeneration": 1,
        "phase": "CrashLoopBackOff",
        "ready": "2/3",
        "message": "validation: pod plant-v-2 is CrashLoopBackOff: back-off 40s\nsee its log",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "CrashLoopBackOff", **generation},
            {"type": "TopicsReady", "status": "True", "reason": "TopicsReady", **generation},
        ],
        "streamlets": [
            {"name": "in", "phase": "Running", "replicas": 1, "readyReplicas": 1},
            {
                "name": "validation",
                "phase": "CrashLoopBackOff",
                "replicas": 2,
                "readyReplicas": 1,
                "restarts": 4,
                "message": "pod plant-v-2 is CrashLoopBackOff: back-off 40s\nsee its log",
                "pods": [
                    {
                        "name": "plant-v-2",
                        "status": "CrashLoopBackOff",
                        "ready": False,
                        "restarts": 4,
                        "message": "back-off 40s",
                    },
                    {"name": "plant-v-1", "status": "Running", "ready": True, "restarts": 0},
                ],
            },
        ],
        "topics": [
            {
                "name": "metrics",
                "kafkaName": "plant.sensor-data.metrics",
                "cluster": "default",
                "partitions": 4,
                "created": True,
                "state": "Ready",
            },
            {"name": "alarms", "kafkaName": "alarms", "state": "Missing", "message": "make it"},
        ],
    }
