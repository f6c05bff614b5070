"""`Streamlet`: what a user subclasses, and the context that an instance runs in."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, final

from streamlet_sdk.parameters import Setting
from streamlet_sdk.records import Emission, Written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from streamlet_sdk.metrics import Metrics

_MAKES_METRICS = Lock()


@dataclass(slots=True, kw_only=True)
class Context:
    """What a running instance may ask for; usable by default in a plain test.

    Attributes:
        replica: which of the replicas this is; a pod's name on a cluster.
        logger: carries the streamlet's name.
        stopping: set when the streamlet drains; long-running tasks of the user's watch it.
        written: what a plain test wrote with `await outlet.write(…)`.
    """

    application: str = "test"
    streamlet: str = "streamlet-under-test"
    replica: str = "0"
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("streamlet"))
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    written: list[Emission[Any]] = field(default_factory=list)
    _metrics: Metrics | None = None

    @property
    def metrics(self) -> Metrics:
        """The user's own metrics, served beside the platform's."""
        # A scrape may ask in another thread while the streamlet makes its first one.
        with _MAKES_METRICS:
            if self._metrics is None:
                # Imported late: prometheus-client costs every start-up that uses no metric.
                from streamlet_sdk.metrics import Metrics

                self._metrics = Metrics(application=self.application, streamlet=self.streamlet)
            return self._metrics

    async def write(self, emission: Emission[Any], timeout: timedelta | None = None) -> Written:
        """Keep an emission; the engine's context sends it and waits for the acknowledgement."""
        del timeout
        self.written.append(emission)
        return Written(emission.port, 0, len(self.written) - 1)


class Streamlet:
    """Ports, parameters and mounts are class attributes; an instance is one replica."""

    @final
    def __init__(self, **values: Any) -> None:
        """Make an instance with parameters and mounts given by attribute name.

        State belongs in `start`, not here: classes are read without being instantiated.

        Raises:
            TypeError: when a name is not a parameter or mount of the class.
        """
        known = settings(type(self))
        for name, value in values.items():
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}; it has "
                    f"{', '.join(sorted(known)) or 'none'}"
                )
            setattr(self, name, value)
        self.context = Context()

    async def start(self) -> None:
        """Make state and connections; called once, before the first record."""

    async def stop(self) -> None:
        """Let go what `start` made; called once, after the last record, also after a failure."""

    async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
        """Partitions of `inlet` are about to be read here; load state that is kept for them."""

    async def partitions_revoked(self, inlet: str, partitions: Sequence[int]) -> None:
        """Partitions of `inlet` go elsewhere; all of theirs is committed, or they were lost."""


def settings(cls: type) -> Mapping[str, Setting[Any]]:
    """Parameters and mounts of a class by attribute name, parents first."""
    return {name: item for name, item in attributes(cls) if isinstance(item, Setting)}


def attributes(cls: type) -> Iterator[tuple[str, Any]]:
    """Class attributes as an instance sees them, parents first, in order of definition."""
    found: dict[str, Any] = {}
    for klass in reversed(cls.__mro__):
        found.update(vars(klass))
    yield from found.items()
