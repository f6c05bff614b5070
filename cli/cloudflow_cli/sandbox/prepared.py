"""An application made ready to run here: verified, configured, with folders and ports.

User code is imported here for the first time in this process. Nothing is started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli import application, project, reading, render
from cloudflow_cli.errors import UsageError
from cloudflow_cli.sandbox import ports, scope
from cloudflow_cli.sandbox.classes import Classes
from cloudflow_cli.sandbox.request import IDLE, Request
from streamlet_sdk.blueprint.configuration import Configuration, configure
from streamlet_sdk.blueprint.layers import COMMAND_LINE, Layer
from streamlet_sdk.blueprint.resolution import resolve
from streamlet_sdk.blueprint.scope import about

if TYPE_CHECKING:
    from cloudflow_cli.project import Project
    from streamlet_sdk.blueprint.verified import (
        VerifiedBlueprint,
        VerifiedStreamlet,
        VerifiedTopic,
    )
    from streamlet_sdk.contract import StreamletConfig

# What the embedded broker gives a topic that nobody gives partitions, when one reader is enough.
ONE_PARTITION: Final = 1


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a volume mount is here."""

    streamlet: str
    name: str
    path: Path
    is_temporary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is going to run.

    Attributes:
        whole: the application of the blueprint, also when a part of it runs.
        running: what runs, as configured.
        configs: what each streamlet is told, by streamlet.
        files: of the configuration, the last one winning.
    """

    project: Project
    whole: VerifiedBlueprint
    running: VerifiedBlueprint
    configs: Mapping[str, StreamletConfig]
    classes: Classes
    mounts: Sequence[Mount]
    files: Sequence[Path]

    def replicas(self, streamlet: str) -> int:
        """How many instances of a streamlet run."""
        return _replicas(self.running.streamlets[streamlet])

    @property
    def names(self) -> list[str]:
        """What the log calls each instance: the streamlet, or the replica when it has several."""
        return [
            self.name(streamlet, f"{streamlet}-{number}")
            for streamlet in self.running.streamlets
            for number in range(self.replicas(streamlet))
        ]

    def name(self, streamlet: str, replica: str) -> str:
        """What the log calls one instance."""
        return streamlet if self.replicas(streamlet) == 1 else replica

    def partitions(self, topic: VerifiedTopic) -> int:
        """How many partitions a topic has; unless someone says, its readers all get one."""
        if topic.partitions is not None:
            return topic.partitions
        readers = (self.replicas(path.streamlet) for path in topic.consumers)
        return max((ONE_PARTITION, *readers))


def prepare(request: Request) -> Prepared:
    """Read, verify and configure a project, and import its classes.

    Raises:
        NotFoundError: when there is no project.
        ProblemsError: with the problems of one of its documents, or of its configuration.
        UsageError: when the request does not fit the application.
        CloudflowError: when a port is in use.
    """
    found = project.load(request.where)
    whole = application.verified(found)
    here = scope.part(whole, request.only)
    files = [*([found.local_config] if found.local_config else []), *request.config]
    layers = [_layer(file) for file in files]
    layers = [
        *(about(layer, whole, here) for layer in layers),
        Layer(COMMAND_LINE, request.settings),
    ]
    configuration = configure(here, layers, sandbox=True)
    running = configuration.application
    if request.until == IDLE:
        _require_an_end(running)
    classes = Classes(found, whole)
    for name in running.streamlets:
        classes.of(name)
    chosen = ports.choose(_servers(running), request.port_base)
    mounts = _mounts(found.root, configuration)
    configs = resolve(configuration, namespace=request.namespace, application=found.name)
    return Prepared(
        project=found,
        whole=whole,
        running=running,
        configs={
            name: _local(config, mounts, chosen.get(name)) for name, config in configs.items()
        },
        classes=classes,
        mounts=mounts,
        files=files,
    )


def _layer(file: Path) -> Layer:
    document = reading.read(file)
    return Layer(render.short(file), document.content, document.lines)


def _require_an_end(running: VerifiedBlueprint) -> None:
    for name, streamlet in running.streamlets.items():
        for source in streamlet.descriptor.sources:
            if source.every is not None and _replicas(streamlet):
                raise UsageError(
                    f"--until idle never comes: the source {source.name!r} of {name!r} runs again "
                    f"and again, every {source.every.total_seconds():g} s.",
                    hint="Stop after a time (--until 30s), or leave it out with --only.",
                )


def _replicas(streamlet: VerifiedStreamlet) -> int:
    return 1 if streamlet.replicas is None else streamlet.replicas


def _servers(running: VerifiedBlueprint) -> dict[str, int]:
    """How many replicas each server has."""
    return {
        name: _replicas(streamlet)
        for name, streamlet in running.streamlets.items()
        if streamlet.descriptor.server is not None
    }


def _mounts(root: Path, configuration: Configuration) -> list[Mount]:
    mounts = list(_given_mounts(root, configuration))
    given = {(mount.streamlet, mount.name) for mount in mounts}
    for name, streamlet in configuration.application.streamlets.items():
        for mount in streamlet.descriptor.volume_mounts:
            if (name, mount.name) not in given:
                path = Path(mkdtemp(prefix=f"cloudflow-{name}-{mount.name}-"))
                mounts.append(Mount(name, mount.name, path, is_temporary=True))
    return mounts


def _given_mounts(root: Path, configuration: Configuration) -> Iterator[Mount]:
    for streamlet, pod in configuration.pods.items():
        for name, folder in pod.volume_mounts.items():
            path = root / Path(folder).expanduser()
            if not path.is_dir():
                raise UsageError(
                    f"There is no folder {path} for the volume mount {name!r} of {streamlet!r}.",
                    hint=f"Make it, or name another: --volume-mount {streamlet}.{name}=FOLDER",
                )
            yield Mount(streamlet, name, path, is_temporary=False)


def _local(config: StreamletConfig, mounts: Sequence[Mount], port: int | None) -> StreamletConfig:
    """`config` with the folders and the port of this machine."""
    here = {m.name: str(m.path) for m in mounts if m.streamlet == config.streamlet}
    changed: dict[str, Any] = {"volume_mounts": here}
    if port is not None:
        changed["server_port"] = port
    return config.model_copy(update=changed)
