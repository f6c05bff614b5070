"""Reads the files that the platform mounts into a pod.

    <folder>/streamlet.json            what the streamlet is told (`streamlet_sdk.contract`)
    <folder>/kafka/<cluster>/<name>    one client property of a Kafka cluster per file
    <folder>/secrets/…                 values of secret parameters, as streamlet.json names them

Used by the pod's process; connects to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from streamlet_sdk.blueprint.problems.stated import Stated
from streamlet_sdk.contract import from_json
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.problems import Problem

FOLDER: Final = Path("/etc/cloudflow")
SERVERS: Final = "bootstrap.servers"
_LOCATION: Final = ".location"
# Entries of the same Secret that tell the operator how to make topics.
_OF_THE_OPERATOR: Final = ("default.partitions", "default.replication.factor", "name.prefix")


@dataclass(frozen=True, kw_only=True)
class UnreadableFile(Stated):
    """A file of the contract that is missing or cannot be read."""

    error: str
    says: ClassVar[str] = "it cannot be read: {error}."
    advises: ClassVar[str] = "Mount it, or name its folder with --config."


@dataclass(frozen=True, kw_only=True)
class NoServers(Stated):
    """A Kafka cluster that a port is on and whose address nobody gave."""

    cluster: str
    says: ClassVar[str] = f"Kafka cluster {{cluster!r}} has no {SERVERS}."
    advises: ClassVar[str] = f"Put {SERVERS} into the Secret of the cluster."


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaCluster:
    """A Kafka cluster as its Secret describes it; never shown, for it holds credentials."""

    servers: str
    properties: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the properties."""
        return f"KafkaCluster(servers={self.servers!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything that a pod is told."""

    config: StreamletConfig
    clusters: Mapping[str, KafkaCluster]


def contract(folder: Path) -> Contract:
    """Read the files below `folder`.

    Raises:
        ConfigurationError: with everything that is missing or wrong.
    """
    path = folder / "streamlet.json"
    try:
        config = from_json(path.read_bytes())
    except OSError as error:
        problem = UnreadableFile(path=str(path), error=error.strerror or str(error))
        raise ConfigurationError([problem]) from error
    problems: list[Problem] = []
    clusters: dict[str, KafkaCluster] = {}
    for name in sorted({binding.cluster for binding in config.ports.values()}):
        found = folder / "kafka" / name
        properties = _properties(found, problems)
        servers = properties.pop(SERVERS, "")
        if not servers:
            problems.append(NoServers(path=str(found), cluster=name))
        clusters[name] = KafkaCluster(servers=servers, properties=properties)
    if problems:
        raise ConfigurationError(problems)
    return Contract(config=_rooted(config, folder), clusters=clusters)


def _properties(folder: Path, problems: list[Problem]) -> dict[str, str]:
    """Client properties by name; a file that another one names as a `….location` is none."""
    # A mounted Secret has entries of its own that begin with two dots.
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [f for f in files if not f.name.startswith(".") and f.name not in _OF_THE_OPERATOR]
    properties = _texts([f for f in files if f.name.endswith(_LOCATION)], problems)
    # What they name need not be text.
    named = set(properties.values())
    located = {name: str(folder / value) for name, value in properties.items()}
    rest = [f for f in files if f.name not in named and f.name not in located]
    return located | _texts(rest, problems)


def _texts(files: Sequence[Path], problems: list[Problem]) -> dict[str, str]:
    """What stands in each file that is text, by its name."""
    texts: dict[str, str] = {}
    for file in files:
        try:
            texts[file.name] = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            problems.append(UnreadableFile(path=str(file), error=error.strerror or str(error)))
        except UnicodeDecodeError:
            problems.append(UnreadableFile(path=str(file), error="it is not UTF-8"))
    return texts


def _rooted(config: StreamletConfig, folder: Path) -> StreamletConfig:
    """`config` with the files of its parameters found below `folder`."""
    parameters = {
        name: source
        if source.file is None
        else source.model_copy(update={"file": str(folder / source.file)})
        for name, source in config.parameters.items()
    }
    return config.model_copy(update={"parameters": parameters})
