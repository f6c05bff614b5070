"""A blueprint becomes something that a bench can run: imported, verified, configured."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.blueprint.descriptor import class_path
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.extraction import Extraction
from streamlet_sdk.blueprint.resolution import kafka_name, resolve
from streamlet_sdk.blueprint.scope import about, part
from streamlet_sdk.blueprint.verify import verify
from streamlet_sdk.local.application import LocalStreamlet
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.testing.wire import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.blueprint.layers import Layer
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint, VerifiedTopic
    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.problems import Problem
    from streamlet_sdk.streamlet import Streamlet

APPLICATION: Final = "test"
NAMESPACE: Final = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An application that can run.

    Attributes:
        blueprint: of what runs, as configured.
        classes: by streamlet.
        configs: what each streamlet is told, by streamlet.
    """

    blueprint: VerifiedBlueprint
    classes: Mapping[str, type[Streamlet]]
    configs: Mapping[str, StreamletConfig]

    @property
    def streamlets(self) -> list[LocalStreamlet]:
        """What a bench runs."""
        return [
            LocalStreamlet(cls=self.classes[name], config=config, replicas=self._replicas(name))
            for name, config in self.configs.items()
        ]

    @property
    def topics(self) -> list[TopicSpec]:
        """The topics that it needs; without a number each has a partition for every reader."""
        return [
            TopicSpec(
                name=self.topic_name(topic), partitions=self._partitions(topic), config=topic.config
            )
            for topic in self.blueprint.topics.values()
        ]

    @staticmethod
    def topic_name(topic: VerifiedTopic) -> str:
        """The name of a topic on the broker."""
        return kafka_name(topic, f"{NAMESPACE}.{APPLICATION}")

    def _replicas(self, name: str) -> int:
        replicas = self.blueprint.streamlets[name].replicas
        return 1 if replicas is None else replicas

    def _partitions(self, topic: VerifiedTopic) -> int:
        if topic.partitions is not None:
            return topic.partitions
        return max((1, *(self._replicas(path.streamlet) for path in topic.consumers)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What an application is made of.

    Attributes:
        blueprint: a document with `blueprint` at its root; classes may stand in it themselves.
        root: where relative paths of the configuration begin.
        source: where modules are looked for first.
        folder: makes an empty folder, for a volume mount that nobody gave one.
    """

    blueprint: Any
    configuration: Layer
    only: Collection[str]
    root: Path
    source: Path
    folder: Callable[[], str]

    def ready(self) -> Ready:
        """Check everything that a deployment checks.

        Raises:
            BlueprintError: with every problem of the blueprint and of its classes.
            ConfigurationError: with every problem of the configuration.
            LookupError: when there is no streamlet of a name in `only`.
        """
        if str(self.source) not in sys.path:
            sys.path.insert(0, str(self.source))
        document, classes = _with_paths(self.blueprint)
        whole = self._verified(document, classes)
        for name in self.only:
            if name not in whole.streamlets:
                raise LookupError(unknown("streamlet", name, whole.streamlets))
        here = part(whole, self.only)
        configuration = configure(here, [about(self.configuration, whole, here)], sandbox=True)
        configs = resolve(configuration, namespace=NAMESPACE, application=APPLICATION)
        return Ready(
            blueprint=configuration.application,
            classes={name: _class(classes, configs[name].class_name) for name in configs},
            configs={name: self._mounted(here, config) for name, config in configs.items()},
        )

    def _verified(self, document: Any, classes: Mapping[str, type[Streamlet]]) -> VerifiedBlueprint:
        blueprint = parse(document)
        extraction = Extraction(self.source)
        descriptors: dict[str, Descriptor] = {}
        problems: list[Problem] = []
        names = {one.class_name or "": None for one in blueprint.streamlets.values()}
        for path in filter(None, map(class_path, names)):
            cls = classes.get(path)
            found = extraction.result(path) if cls is None else describe(cls, path)
            problems += found[1]
            if found[0] is not None:
                descriptors[path] = found[0]
        return verify(blueprint, descriptors, problems)

    def _mounted(self, here: VerifiedBlueprint, config: StreamletConfig) -> StreamletConfig:
        mounts = here.streamlets[config.streamlet].descriptor.volume_mounts
        given = {key: self.root / Path(one) for key, one in config.volume_mounts.items()}
        folders = {one.name: str(given.get(one.name) or self.folder()) for one in mounts}
        return config.model_copy(update={"volume_mounts": folders})


def _class(given: Mapping[str, type[Streamlet]], path: str) -> type[Streamlet]:
    if path in given:
        return given[path]
    module, _, name = path.partition(":")
    found: type[Streamlet] = reduce(getattr, name.split("."), sys.modules[module])  # type: ignore[assignment] # described as a streamlet before
    return found


def _with_paths(document: Any) -> tuple[Any, dict[str, type[Streamlet]]]:
    """The document with a path for each class that stands in it, and those classes by path."""
    classes: dict[str, type[Streamlet]] = {}
    root = document.get("blueprint") if isinstance(document, Mapping) else None
    streamlets = root.get("streamlets") if isinstance(root, Mapping) else None
    if not isinstance(root, Mapping) or not isinstance(streamlets, Mapping):
        return document, classes
    named = {name: _named(written, classes) for name, written in streamlets.items()}
    return {**document, "blueprint": {**root, "streamlets": named}}, classes


def _named(written: Any, classes: dict[str, type[Streamlet]]) -> Any:
    if isinstance(written, type):
        return _path(written, classes)
    if isinstance(written, Mapping) and isinstance(written.get("class"), type):
        return {**written, "class": _path(written["class"], classes)}
    return written


def _path(cls: type[Any], classes: dict[str, type[Streamlet]]) -> str:
    """A path for a class; one that is made within a function has none of its own."""
    module = re.sub(r"[^\w.]", "_", cls.__module__)
    for number in range(1, len(classes) + 2):
        path = f"{module}:{cls.__name__}" + ("" if number == 1 else f"_{number}")
        if classes.setdefault(path, cls) is cls:
            return path
    raise AssertionError("one more name than classes is one too many")
