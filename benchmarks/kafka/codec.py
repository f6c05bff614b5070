"""The codec's own limit: decode, map and encode dicts in a loop, and nothing else.

    python benchmarks/kafka/codec.py RECORDS

Runs in a process of its own, settled as a pod's is; prints records per second.
"""

from __future__ import annotations

import gc
import sys
import time

import stage
import streamlets

from streamlet_sdk.runtime.memory import settle_collector
from streamlet_sdk.serde import PortOptions, SchemaBook, canonical, port_codec


def main(count: int) -> None:
    ports = [vars(streamlets.DictLists)[name] for name in ("in_", "out")]
    options = [PortOptions(avro=port.avro, module=streamlets.__name__) for port in ports]
    book = SchemaBook()
    reads, writes = (
        port_codec(port.schema, chosen, book) for port, chosen in zip(ports, options, strict=True)
    )
    head = canonical.header(reads.schema.fingerprint)
    data = [head + stage.reading_bytes(row) for row in stage.readings(count)]
    decode, encode, metric = reads.decode, writes.encode, stage.metric
    settle_collector()
    gc.collect()
    began = time.perf_counter()
    for item in data:
        encode(metric(decode(item)))
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main(int(sys.argv[1]))
