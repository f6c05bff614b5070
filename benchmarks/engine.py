"""What the engine costs: one streamlet, Avro to map to Avro, against a bare loop in the same run.

    python benchmarks/engine.py [RECORDS]

The bare loop decodes, validates, handles and encodes the same records with the same codecs, and
does nothing else. The engine does it on the embedded broker, at least once, with retries, dead
letters, counters and commits. The loop by hand uses fastavro and pydantic's public calls, as a
user would write it.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import fastavro
from pydantic import BaseModel

from streamlet_sdk import Avro, Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.contract import Binding, StreamletConfig
from streamlet_sdk.local.application import LocalApplication, LocalPlan, LocalStreamlet
from streamlet_sdk.local.wires import Fed, Feed
from streamlet_sdk.runtime.memory import settle_collector
from streamlet_sdk.runtime.ports import Cluster
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.serde import PortCodec, PortOptions, SchemaBook, port_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTITIONS = 4
ROUNDS = 5
CHUNK = 1000
LIST = 500
NAME = "power"
Millis = Annotated[datetime, Avro(logical="timestamp-millis")]


class Measurements(BaseModel):
    """What a turbine measures."""

    power: float
    rotor_speed: float
    wind_speed: float


class SensorData(BaseModel):
    """One reading."""

    device_id: UUID
    timestamp: Millis
    measurements: Measurements


class Metric(BaseModel):
    """One value of a reading."""

    device_id: UUID
    timestamp: Millis
    name: str
    value: float


class Models(Streamlet):
    """A pydantic model at a time."""

    in_ = Inlet(SensorData)
    out = Outlet(Metric)

    @in_.each
    def split(self, data: SensorData) -> Emission[Metric]:
        """One metric of a reading."""
        return self.out(metric(data))


class Dicts(Streamlet):
    """Lists of dicts."""

    in_ = Inlet(avro="sensor-data.avsc")
    out = Outlet(avro="metric.avsc")

    @in_.batches(max_records=LIST)
    def split(self, rows: list[dict[str, Any]]) -> list[Emission[dict[str, Any]]]:
        """One metric of each reading."""
        out = self.out
        return [out(row_of(row)) for row in rows]


def metric(data: SensorData) -> Metric:
    """The power of a reading."""
    return Metric(
        device_id=data.device_id,
        timestamp=data.timestamp,
        name=NAME,
        value=data.measurements.power,
    )


def row_of(row: dict[str, Any]) -> dict[str, Any]:
    """The power of a reading."""
    return {
        "deviceId": row["deviceId"],
        "timestamp": row["timestamp"],
        "name": NAME,
        "value": row["measurements"]["power"],
    }


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes; garbage from before does not count."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare(
    decode: Callable[[bytes], Any],
    encode: Callable[[Any], bytes],
    kind: type[Streamlet],
    data: Sequence[bytes],
) -> float:
    """Seconds of the loop that does nothing but the work itself, with the same handler."""

    def each(models: Models) -> None:
        for item in data:
            encode(models.split(decode(item)).value)

    def lists(dicts: Dicts) -> None:
        for first in range(0, len(data), LIST):
            for emission in dicts.split([decode(item) for item in data[first : first + LIST]]):
                encode(emission.value)

    streamlet = kind()
    return seconds(lambda: each(streamlet) if isinstance(streamlet, Models) else lists(streamlet))


def codecs(kind: type[Streamlet], book: SchemaBook) -> tuple[PortCodec[Any], PortCodec[Any]]:
    """The codecs of a streamlet's two ports."""
    found = []
    for port in (vars(kind)["in_"], vars(kind)["out"]):
        options = PortOptions(avro=port.avro, module=kind.__module__)
        found.append(port_codec(port.schema, options, book))
    return found[0], found[1]


def by_hand(text: str, other: str, model: type[BaseModel] | None) -> list[Any]:
    """Decode and encode as one would with fastavro and pydantic."""
    reads, writes = (fastavro.parse_schema(json.loads(schema)) for schema in (text, other))

    def decode(data: bytes) -> Any:
        row = fastavro.schemaless_reader(io.BytesIO(data[10:]), reads, None)
        return row if model is None else model.model_validate(row)

    def encode(value: Any) -> bytes:
        out = io.BytesIO()
        out.write(bytes(10))
        row = value if model is None else value.model_dump()
        fastavro.schemaless_writer(out, writes, row)
        return out.getvalue()

    return [decode, encode]


async def fill(broker: EmbeddedBroker, data: Sequence[bytes], codec: PortCodec[Any]) -> None:
    """Write the input."""
    transport = broker.transport(client="feed")
    cluster = Cluster(transport, SchemaTopic(transport, SchemaBook()))
    await cluster.schemas.start()
    feed = Feed(cluster, "in")
    await feed.publish(codec)
    for first in range(0, len(data), CHUNK):
        await feed.write([Fed(value=value) for value in data[first : first + CHUNK]])
    await feed.close()
    await cluster.schemas.close()


async def engine(kind: type[Streamlet], data: Sequence[bytes], codec: PortCodec[Any]) -> float:
    """Seconds from the start of the streamlet until everything is acknowledged."""
    broker = EmbeddedBroker()
    ports = {name: Binding(topic=name, kafka_name=name) for name in ("in", "out")}
    config = StreamletConfig(application="bench", streamlet="map", class_name="bench", ports=ports)
    for name in ports:
        broker.create(TopicSpec(name=name, partitions=PARTITIONS))
    application = LocalApplication(
        LocalPlan(
            streamlets=[LocalStreamlet(cls=kind, config=config)],
            topics=[],
            transport=lambda client: broker.transport(client=client),
        )
    )
    await fill(broker, data, codec)
    gc.collect()
    began = time.perf_counter()
    await application.start()
    await application.until_idle()
    took = time.perf_counter() - began
    await application.stop()
    await broker.close()
    return took


def compare(kind: type[Streamlet], value: Any, count: int) -> None:
    """Print rates and ratios of one kind of streamlet."""
    reads, writes = codecs(kind, SchemaBook())
    data = [reads.encode(value)] * count
    hand = by_hand(reads.schema.text, writes.schema.text, SensorData if kind is Models else None)
    rounds = []
    for _ in range(ROUNDS):
        loop = bare(reads.decode, writes.encode, kind, data)
        written = bare(hand[0], hand[1], kind, data)
        running = asyncio.run(engine(kind, data, reads))
        rounds.append((loop, written, running))
    loop, written, running = (min(column) for column in zip(*rounds, strict=True))
    print(
        f"{kind.__name__.lower():8} bare loop {count / loop:9,.0f}/s   "
        f"by hand {count / written:9,.0f}/s   engine {count / running:9,.0f}/s   "
        f"engine/bare {loop / running:.0%}   engine/by hand {written / running:.0%}"
    )


def main() -> None:
    """Compare both kinds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    settle_collector()  # as the sandbox does; it holds for the bare loops, too
    device = UUID("c75cb448-df0e-4692-8e06-0321b7703992")
    reading = SensorData(
        device_id=device,
        timestamp=datetime(2017, 5, 23, tzinfo=UTC),
        measurements=Measurements(power=1.7, rotor_speed=3.9, wind_speed=105.9),
    )
    row = {
        "deviceId": str(device),
        "timestamp": 1495545646279,
        "measurements": {"power": 1.7, "rotorSpeed": 3.9, "windSpeed": 105.9},
    }
    compare(Models, reading, count)
    compare(Dicts, row, count)


if __name__ == "__main__":
    main()
