"""Pods of one streamlet on a real Kafka, with topics of their own; none is left behind."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from prometheus_client.parser import text_string_to_metric_families

from streamlet_sdk.contract import Binding, ParameterSource, Settings, StreamletConfig
from support.pod import PodProcess, contract_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.transport import Reader, World

SOURCE = Path(__file__).with_name("streamlets")
PORTS = ("in", "out", "in-dead-letters")


class Pods:
    """An asynchronous context; every pod that is asked for has the same topics and group."""

    def __init__(self, world: World, bootstrap: str, folder: Path) -> None:
        """Nothing is there yet."""
        self._world = world
        self._bootstrap = bootstrap
        self._folder = folder
        self._namespace = world.name("ns")
        self._secrets: dict[str, ParameterSource] = {}
        self._stack = AsyncExitStack()
        self._outputs: Reader | None = None
        self._partitions = 1
        self.names = {port: f"{self._namespace}.{port}" for port in PORTS}

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Kill what still runs."""
        await self._stack.aclose()

    async def topics(self, partitions: int = 1) -> None:
        """Make the topics."""
        self._partitions = partitions
        for name in PORTS:
            self.names[name] = await self._world.topic(partitions)

    def secret(self, parameter: str, text: str) -> None:
        """Let a parameter of the pods to come be read from a file."""
        file = self._folder / "secrets" / parameter
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        self._secrets[parameter] = ParameterSource(file=str(file))

    def pod(
        self,
        cls: str,
        replica: str = "pod-0",
        *,
        module: str = "pod_streamlets",
        parameters: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        properties: Mapping[str, str] | None = None,
        words: Sequence[str] = (),
    ) -> PodProcess:
        """A pod that is not started; `cls` is a class of `support/streamlets`."""
        given = {name: ParameterSource(value=value) for name, value in (parameters or {}).items()}
        config = StreamletConfig.model_validate(
            {
                "application": "app",
                "namespace": self._namespace,
                "streamlet": "worker",
                "class": f"{module}:{cls}",
                "parameters": {**given, **self._secrets},
                "settings": Settings.model_validate(settings or {}),
                "ports": {n: Binding(topic=n, kafka_name=topic) for n, topic in self.names.items()},
            }
        )
        cluster = {"bootstrap.servers": self._bootstrap, **(properties or {})}
        folder = self._folder / f"{replica}-{cls}"
        told = contract_folder(folder / "told", config, {"default": cluster})
        pod = PodProcess(folder=told, replica=replica, source=SOURCE, words=words)
        self._stack.push_async_callback(_gone, pod)
        return pod

    async def feed(self, *values: bytes) -> None:
        """Write records, in turn over the partitions."""
        for partition in range(self._partitions):
            if mine := values[partition :: self._partitions]:
                await self._world.write(self.names["in"], *mine, partition=partition)

    async def outputs(self, count: int, *, at_least: bool = False) -> list[bytes | None]:
        """The values of the next `count` records that come out; or those and what is behind."""
        reader = await self._reader()
        found = [record.value for record in reader.records]
        while len(found) < count:
            for chunk in await reader.poll():
                found += [record.value for record in chunk.records]
                reader.records += chunk.records
        taken = len(found) if at_least else count
        del reader.records[:taken]
        return found[:taken]

    async def no_more_outputs(self) -> None:
        """Hold a while and fail when another record comes out."""
        reader = await self._reader()
        assert not reader.records
        await reader.nothing_comes()

    async def _reader(self) -> Reader:
        if self._outputs is None:
            self._outputs = await self._world.reader(self.names["out"], name="outputs")
            await self._outputs.opened(self._partitions)
        return self._outputs


async def _gone(pod: PodProcess) -> None:
    if pod.is_running:
        await pod.killed()


def total(text: str, name: str, suffix: str = "_total") -> float:
    """The sum of all samples of one of the platform's metrics in a scrape."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"cloudflow_{name}{suffix}"
    )
