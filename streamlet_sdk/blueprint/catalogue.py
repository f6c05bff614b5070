"""The reference page of all problems, made from their classes; `docs/generate.py` writes it.

Every type has an example, made of sample values for its fields, so that readers see a whole
sentence and tests can hold every sentence and remedy to be one.
"""

from __future__ import annotations

import inspect
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.blueprint.problems import documents, settings, wiring
from streamlet_sdk.blueprint.problems.loading import ClassProblem
from streamlet_sdk.blueprint.problems.registry import MODULES, problem_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streamlet_sdk.blueprint.problems.stated import Stated

_CLASS: Final = "sensor_data:MetricsValidation"
_STREAMLET: Final = "blueprint.streamlets.validation"
_TOPIC: Final = "blueprint.topics.metrics"

_PATHS: Final = {
    documents.__name__: _TOPIC,
    wiring.__name__: _TOPIC,
    settings.__name__: _STREAMLET,
}
_INTRODUCTION: Final = """
What `verify` reports, and what the commands that configure an application report. A problem has a
type, a path, the line in the file, a sentence, a remedy and, where a name was probably misspelt, a
suggestion. `verify -o json` gives all of them as data.
"""

# What a field holds when the type of the problem does not matter.
_USUAL: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "attribute": "in_",
        "class_name": _CLASS,
        "code": "3",
        "consumer": "validation.in",
        "direction": "outlets",
        "error": "ValueError: no such turbine",
        "expected": "a list",
        "first": "metrics.out",
        "found": "a text",
        "inlet": "in",
        "kind": "int",
        "known": ("valid", "invalid"),
        "location": "sensor_data.py:12",
        "method": "validate",
        "methods": ("validate", "check"),
        "module": "sensor_data",
        "mount_path": "/models",
        "name": "vali",
        "other": "valid",
        "parameter": "floor",
        "partitions": 2,
        "port": "valid",
        "port_path": "validation.in",
        "producer": "metrics.out",
        "reason": "'low' is not a number",
        "reasons": ("the field 'unit' has no default and is not written",),
        "replicas": 3,
        "second": "replay.out",
        "source": "poll",
        "streamlet": "validation",
        "topic": "metrics",
    }
)

# What it holds where it does.
_OF_TYPE: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "AbstractClass": {"methods": ("validate",)},
        "BacktrackingVolumeMountPath": {"name": "models", "mount_path": "/models/../data"},
        "ConnectionsSection": {"path": "blueprint.connections"},
        "CyclicImport": {"modules": ("sensor_data.py", "records.py")},
        "DeadLetterPortTaken": {"name": "in-dead-letters"},
        "DeadLetterTopicTaken": {"path": "blueprint.topics.validation-in-dead-letters"},
        "DuplicateKey": {"key": "consumers"},
        "DuplicateParameterName": {"name": "floor", "other": "floor_"},
        "DuplicatePortName": {"name": "valid", "other": "valid_"},
        "DuplicateSourceName": {"name": "poll", "other": "poll_"},
        "DuplicateVolumeMountName": {"name": "models", "other": "models_"},
        "DuplicateVolumeMountPath": {"other": "models"},
        "EmptyStreamlets": {"path": "blueprint.streamlets"},
        "EmptyVolumeMountPath": {"name": "models"},
        "ExactlyOnceImpossible": {"reason": "it is a broadcast, of which nothing is committed"},
        "IllegalAccess": {"name": "models", "access": "ReadWrite"},
        "IllegalParameterType": {"reason": "dict is not one of bool, int, float, str, …"},
        "ImportCrashed": {"ending": "signal 11 (Segmentation fault)"},
        "ImportTimedOut": {"seconds": 20.0},
        "IngressOutlets": {"outlets": ("valid", "invalid")},
        "InvalidClassName": {"class_name": "sensor data", "path": _STREAMLET},
        "InvalidClusterName": {"cluster": "East_1"},
        "InvalidOption": {"option": "max_records", "value": "0", "expected": "1 or more"},
        "InvalidParameterName": {"name": "-floor"},
        "InvalidPattern": {"reason": "'(' is no regular expression, missing ), …"},
        "InvalidPortName": {"name": "validMetrics"},
        "InvalidPortPath": {"port_path": "validation"},
        "InvalidRoute": {"reason": "the path 'devices' does not begin with a slash"},
        "InvalidSchema": {"reason": "Metric.value: complex has no Avro type"},
        "InvalidSetting": {"setting": "retry.backoff", "reason": "'soon' is not a duration"},
        "InvalidStreamletName": {"name": "Valid_Metrics", "path": _STREAMLET},
        "InvalidTopicName": {"name": "valid metrics"},
        "InvalidVolumeMountName": {"name": "Models"},
        "KeyNotText": {"key": "1", "path": "blueprint.topics.1"},
        "MisplacedTopicSetting": {"key": "partitions"},
        "MissingClass": {"path": _STREAMLET},
        "MissingSection": {"key": "streamlets", "path": "blueprint.streamlets"},
        "ModuleMissing": {"name": "sensor_dta", "known": ("sensor_data",)},
        "MutableAttribute": {"attribute": "seen", "found": "list"},
        "NotAMethod": {"found": "int"},
        "NotAStreamlet": {"found": "a function"},
        "OutOfRange": {"value": 0, "minimum": 1},
        "OutletAsConsumer": {"port_path": "metrics.out"},
        "PackageMissing": {"package": "numpy"},
        "PortInManyTopics": {"topics": ("raw-metrics",)},
        "RelativeVolumeMountPath": {"name": "models", "mount_path": "models"},
        "ReservedName": {"attribute": "start"},
        "SecretInDocument": {"parameter": "token"},
        "SharedKafkaName": {"kafka_name": "plant.metrics", "other": "old-metrics"},
        "UnconnectedInlet": {"path": _STREAMLET},
        "UnconnectedOutlet": {"path": _STREAMLET},
        "UnknownClass": {"name": "sensor_data:Validation", "path": _STREAMLET},
        "UnknownKey": {"name": "partition", "known": ("partitions", "replicas")},
        "UnknownMount": {"name": "model", "known": ("models",)},
        "UnknownParameter": {"name": "flo", "known": ("floor",)},
        "UnknownRuntime": {"name": "pythn", "known": ("python",), "path": f"{_STREAMLET}.runtime"},
        "UnknownStreamlet": {"name": "validatio", "known": ("validation",)},
        "UnknownTopic": {"name": "metric", "known": ("metrics",)},
        "UnreadableDocument": {"reason": "a colon is missing after 'streamlets'"},
        "WrongSignature": {"found": "3 arguments besides self", "expected": "the value"},
    }
)


def example(kind: type[Stated]) -> Stated:
    """A problem of one type, as it could be in the wind-turbine example."""
    own = _OF_TYPE.get(kind.__name__, {})
    path = _CLASS if issubclass(kind, ClassProblem) else _PATHS[kind.__module__]
    samples = {**_USUAL, "path": path, **own}
    # Static types cannot follow this; the tests make an example of every type.
    make: Callable[..., Stated] = kind
    return make(**{one.name: samples[one.name] for one in fields(kind) if one.name in samples})


def page() -> str:
    """The whole page as Markdown, ended by a line break."""
    parts = [
        "# Problems",
        _inline(_INTRODUCTION),
        *(part for module in MODULES for part in _section(module.__name__)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(module: str) -> Iterator[str]:
    types = [kind for kind in problem_types().values() if kind.__module__ == module]
    heading = module.rpartition(".")[2].capitalize()
    yield f"## {heading}"
    yield _inline(inspect.getdoc(inspect.getmodule(types[0])) or "")
    for kind in types:
        yield f"### {kind.__name__}"
        yield _inline((inspect.getdoc(kind) or "").partition("\n\nAttributes:")[0])
        yield f"> {example(kind)}"


def _inline(text: str) -> str:
    """Paragraphs, each on one line."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
