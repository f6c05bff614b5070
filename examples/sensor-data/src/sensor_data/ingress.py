"""Where sensor data comes from: HTTP requests and files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sensor_data.records import SensorData
from streamlet_sdk import Checkpoint, Emission, Outlet, Streamlet, VolumeMount, source
from streamlet_sdk.ingress import HttpIngress


class SensorDataHttpIngress(HttpIngress):
    """Takes sensor data by POST and answers 202 once it is safe, or 400 with what is wrong."""

    out = Outlet(SensorData)


class SensorDataStreamingIngress(HttpIngress):
    """Takes long streams of sensor data; the records of one turbine stay in their order.

    Any HTTP ingress reads an array, or one record per line, without holding the whole body. The
    key is what keeps order when the topic has several partitions.
    """

    out = Outlet(SensorData, key=lambda data: data.device_id)


class LastFile(BaseModel):
    """How far the files have been read: none that is older is looked at again."""

    modified_ns: int
    name: str


class SensorDataFileIngress(Streamlet):
    """Reads the JSON files of a directory, each of them once, oldest first.

    A file may hold one record, several after one another, one per line, or an array.
    """

    out = Outlet(SensorData)

    source_data_mount = VolumeMount("/mnt/data", access="ReadWriteMany")

    @source(every=timedelta(seconds=5), position=LastFile)
    def read(self, last: LastFile | None) -> Iterator[Emission[SensorData] | Checkpoint[LastFile]]:
        for file, place in self.new_files(last):
            for data in self.records(file):
                yield self.out(data)
            # Stored once all records of the file are acknowledged.
            yield Checkpoint(place)

    def new_files(self, last: LastFile | None) -> list[tuple[Path, LastFile]]:
        """Files that are not read yet, oldest first."""
        found = [
            (file, LastFile(modified_ns=file.stat().st_mtime_ns, name=file.name))
            for file in self.source_data_mount.glob("*.json")
        ]
        after = (-1, "") if last is None else (last.modified_ns, last.name)
        new = [(file, it) for file, it in found if (it.modified_ns, it.name) > after]
        return sorted(new, key=lambda item: (item[1].modified_ns, item[1].name))

    def records(self, file: Path) -> Iterator[SensorData]:
        """The records of a file; what follows a broken one is left out, and that is logged."""
        try:
            for value in json_objects(file.read_text("utf-8")):
                yield SensorData.model_validate(value)
        except ValueError as error:
            self.context.logger.warning("%s is not read to its end: %s", file.name, error)


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects in a text, whatever stands between them.

    Raises:
        ValueError: when one of them is broken; those before it have been yielded.
    """
    decoder = json.JSONDecoder()
    end = 0
    while (start := text.find("{", end)) >= 0:
        value, end = decoder.raw_decode(text, start)
        yield value
