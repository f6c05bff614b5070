"""The kit for a whole blueprint, or a part of one.

def test_low_values_are_logged() -> None:
with ApplicationKit("blueprint.yaml", only=["validation", "invalid-logger"]) as kit:
kit.feed("metrics", a_metric(1.0))
kit.run()
assert kit.values("invalid-metrics") == [InvalidMetric(...)]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from streamlet_sdk.blueprint.layers import Layer
from streamlet_sdk.contract import dead_letter_port
from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.runtime.ports import declared
from streamlet_sdk.testing import documents
from streamlet_sdk.testing.asking import question
from streamlet_sdk.testing.bench import LIMIT, Design
from streamlet_sdk.testing.blueprints import Sources
from streamlet_sdk.testing.kit import Kit, source_role
from streamlet_sdk.testing.letters import DeadLetter, dead_letter
from streamlet_sdk.testing.wire import Wire, found, unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import timedelta

    from streamlet_sdk.blueprint.verified import PortPath, VerifiedTopic
    from streamlet_sdk.ports import Inlet, Outlet
    from streamlet_sdk.records import Record
    from streamlet_sdk.runtime.counters import Counters
    from streamlet_sdk.streamlet import Streamlet
    from streamlet_sdk.testing.asking import Answer, Body
    from streamlet_sdk.testing.wire import Extras

GIVEN: Final = "config"


class Options(TypedDict, total=False):
    """How an application is run in a test.

    Keys:
        config: what a deployment sets, with `cloudflow` at its root: a mapping, or the path of a
            YAML file.
        only: the streamlets that run; all of them when absent.
        source: the folder with the packages of the streamlets; of a project, when absent, the
            one that it names.
        root: the folder that relative paths begin at; the current one when absent.
        limit: how long one call of the kit may take, in real time.
    """

    config: Mapping[str, Any] | str | Path
    only: Collection[str]
    source: str | Path
    root: str | Path
    limit: timedelta


class ApplicationKit(Kit):
    """Runs the streamlets of a blueprint, wired as it says.

    Topics are named by their ids in the blueprint. Where a topic is asked for, a port does as
    well, as `streamlet.port`: its topic is taken, in the schema of that port.
    """

    def __init__(
        self, blueprint: Mapping[str, Any] | str | Path, **options: Unpack[Options]
    ) -> None:
        """Check all that a deployment checks; nothing starts before the first call.

        Args:
            blueprint: a YAML file, the folder of a project, or the document itself with
                `blueprint` at its root, in which classes may stand instead of their paths.
            options: see `Options`.

        Raises:
            BlueprintError: with every problem of the blueprint and of its classes.
            ConfigurationError: with every problem of the configuration.
            CloudflowError: when a file cannot be read.
            LookupError: when there is no streamlet of a name in `only`.
        """
        super().__init__()
        root = Path(options.get("root", ".")).resolve()
        document, source = _blueprint(blueprint, root)
        sources = Sources(
            blueprint=document,
            configuration=_configuration(options.get("config", {}), root),
            only=options.get("only", ()),
            root=root,
            source=root / options.get("source", source),
            folder=self._folder,
        )
        with self._folders:  # emptied again if a check fails
            ready = self._ready = sources.ready()
            self._folders = self._folders.pop_all()
        limit = options.get("limit", LIMIT)
        self._use(Design(streamlets=ready.streamlets, topics=ready.topics, limit=limit))

    def feed(self, topic: str, *values: Any, **extras: Unpack[Extras]) -> None:
        """Write values to a topic, in the schema of its producers; they are handled by `run`.

        A topic without producers takes values in the schema of its consumers.

        Args:
            topic: a topic, or a port.
            values: None is a tombstone where a consumer takes them. A `Record` brings its key,
                headers and time along.
            extras: `key` (or a function of the value), `headers`, `timestamp_ms` of every value.

        Raises:
            EncodeError: when a value does not fit the schema.
        """
        self._wire(topic).feed(values, extras)

    def feed_raw(self, topic: str, *data: bytes | None, **extras: Unpack[Extras]) -> None:
        """Write bytes to a topic as they are; None is a record without a value."""
        self._wire(topic).feed_raw(data, extras)

    def received(self, topic: str) -> list[Record[Any]]:
        """All that is in a topic so far, what was fed included, partition by partition."""
        return self._wire(topic).received()

    def values(self, topic: str) -> list[Any]:
        """The values of `received`."""
        return [record.value for record in self.received(topic)]

    def dead_letters(self, streamlet: str, inlet: str) -> list[DeadLetter]:
        """All records that an inlet has given up so far; none if it drops or stops instead."""
        wire = self._wire(f"{streamlet}.{inlet}")
        topic = self._ready.blueprint.topic_of(streamlet, dead_letter_port(inlet))
        if topic is None:
            return []
        records = self._bench.records(self._ready.topic_name(topic))
        letters = [dead_letter(record, wire.decoded) for record in records]
        # A topic of the user's may take the dead letters of several inlets.
        return [one for one in letters if (one.streamlet, one.inlet) == (streamlet, inlet)]

    def request(self, streamlet: str, method: str, path: str, **body: Unpack[Body]) -> Answer:
        """Ask a server, without a socket; see `StreamletKit.request`."""
        self._class(streamlet)
        return self._ask(streamlet, question(method, path, body))

    def mount(self, streamlet: str, name: str) -> Path:
        """The folder of a volume mount; fill it before the call that starts the streamlets."""
        self._class(streamlet)
        return Path(found(self._ready.configs[streamlet].volume_mounts, name, "volume mount"))

    def checkpoint(self, streamlet: str, source: str) -> Any:
        """The stored position of a source, by its method's name; None when there is none."""
        role = source_role(self._class(streamlet), source)
        return self._position(self._ready.configs[streamlet], source, role.position)

    @property
    def counters(self) -> Mapping[str, Counters]:
        """What each streamlet has done, over all replicas and crashes."""
        return self._bench.started().counters

    def streamlet(self, name: str, replica: int = 0) -> Streamlet:
        """A running instance."""
        self._class(name)
        return self._instance(name, replica)

    def _class(self, streamlet: str) -> type[Streamlet]:
        return found(self._ready.classes, streamlet, "streamlet")

    def _wire(self, name: str) -> Wire:
        """The wire of a topic, or of a port: that port's schema comes first then."""
        topics = self._ready.blueprint.topics
        streamlet, _, port = name.rpartition(".")
        topic = topics.get(name) or self._ready.blueprint.topic_of(streamlet, port)
        if topic is None:
            raise LookupError(unknown("topic or port", name, [*topics, *map(str, self._paths())]))
        ports = list(self._ports(topic))
        own = [port for path, port in ports if str(path) == name]
        return Wire(self._bench, self._ready.topic_name(topic), [*own, *(p for _, p in ports)])

    def _paths(self) -> Iterator[PortPath]:
        for topic in self._ready.blueprint.topics.values():
            yield from (*topic.producers, *topic.consumers)

    def _ports(self, topic: VerifiedTopic) -> Iterator[tuple[PortPath, Inlet[Any] | Outlet[Any]]]:
        """The declared ports of a topic, producers first."""
        for path in (*topic.producers, *topic.consumers):
            inlets, outlets = declared(self._ready.classes[path.streamlet])
            port = outlets.get(path.port) or inlets.get(path.port)
            if port is not None:
                yield path, port


def _blueprint(given: Mapping[str, Any] | str | Path, root: Path) -> tuple[Any, Path]:
    """The document, and where its classes are looked for."""
    if not isinstance(given, str | Path):
        return given, root
    path = (root / given).resolve()
    if not path.is_dir():
        return documents.read(path), _source(path)
    project = documents.project(path)
    if project is None:
        raise CloudflowError(
            f"there is no {documents.PROJECT} with [tool.cloudflow] in {path} or above it",
            hint="Give the kit the path of a blueprint, or the blueprint itself.",
        )
    return documents.read(project.blueprint), project.source


def _configuration(given: Mapping[str, Any] | str | Path, root: Path) -> Layer:
    if isinstance(given, str | Path):
        return Layer(str(given), documents.read(root / given))
    return Layer(GIVEN, given)


def _source(path: Path) -> Path:
    """The folder of packages of the project that a blueprint is in; its own without a project."""
    found = documents.project(path)
    return path.parent if found is None else found.source
