"""The streamlets of the application; `blueprint.yaml` wires them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from model_serving.cellar import Cellar
from model_serving.model import load
from model_serving.records import Served, Wine, WineResult
from streamlet_sdk import (
    Emission,
    Inlet,
    Outlet,
    Parameter,
    Record,
    Streamlet,
    VolumeMount,
    source,
)


class WineGenerator(Streamlet):
    """Sends some wines every second."""

    out = Outlet(Wine, key=lambda wine: wine.lot)

    wines = Parameter(int, default=3, description="How many wines are sent at a time.")

    async def start(self) -> None:
        self.cellar = Cellar()

    @source(every=timedelta(seconds=1))
    def send(self) -> Iterator[Emission[Wine]]:
        for _ in range(self.wines):
            yield self.out(self.cellar.wine())


class WineModelServer(Streamlet):
    """Asks a trained model how good wines are; what it cannot tell is an error in the result."""

    in_ = Inlet(Wine)
    out = Outlet(WineResult, key=lambda result: result.wine.lot)

    models = VolumeMount("/models", access="ReadOnlyMany")
    model = Parameter(
        str, pattern=r"[a-z0-9-]+", description="The model to use: a file without .json."
    )

    async def start(self) -> None:
        self.loaded = load(self.models / f"{self.model}.json")

    # A model takes its time, so it works on many wines at once and not in the event loop.
    @in_.batches(max_records=64, thread=True)
    def serve(
        self, wines: list[Wine], records: Sequence[Record[Wine]]
    ) -> Iterator[Emission[WineResult]]:
        started = datetime.now(UTC)
        for wine, record in zip(wines, records, strict=True):
            values = wine.model_dump(exclude={"lot"})
            errors = self.loaded.errors(values)
            served = Served(
                model=self.loaded.name,
                started=started,
                seconds=(datetime.now(UTC) - started).total_seconds(),
                errors=errors,
            )
            quality = None if errors else self.loaded.predict(values)
            # The cause ties a result to its wine: it has the wine's time and headers.
            yield self.out(WineResult(wine=wine, quality=quality, served=served), cause=record)


class ResultLogger(Streamlet):
    """Logs results, and warns of those that are errors."""

    in_ = Inlet(WineResult)

    @in_.each
    def log(self, result: WineResult) -> None:
        log = self.context.logger
        if result.quality is None:
            log.warning("%s: %s", result.wine.lot, "; ".join(result.served.errors))
        else:
            log.info("%s is good with %.0f %%", result.wine.lot, 100 * result.quality)
