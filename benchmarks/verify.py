"""How long it takes to verify n streamlets and 2n topics, for n, 2n and 4n: the cost is linear.

    python benchmarks/verify.py [STREAMLETS]

Each streamlet is of a class of its own, and reads two topics and writes two. Once every topic has a
schema like no other's, so that each pair has to be compared; once all topics share one. Reading
the document is part of it, importing is not.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.descriptor import Descriptor
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.verify import verify

ROUNDS = 3


def schema(number: int) -> dict[str, Any]:
    """The schema of a topic."""
    text = (
        f'{{"type":"record","name":"Reading{number}","fields":[{{"name":"device","type":"string"}},'
        '{"name":"value","type":"double"},'
        '{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}'
    )
    fingerprint = f"{number:016x}"
    return {"format": "avro", "name": f"Reading{number}", "text": text, "fingerprint": fingerprint}


def descriptor(number: int, streamlets: int, *, shared: bool) -> Descriptor:
    """The class of one streamlet: it reads what the one before it writes."""
    topics = {
        "first": 2 * number,
        "second": 2 * number + 1,
        "left": 2 * ((number + 1) % streamlets),
        "right": 2 * ((number + 1) % streamlets) + 1,
    }
    ports = {
        name: {"name": name, "schema": schema(0 if shared else topic)}
        for name, topic in topics.items()
    }
    parameters = [{"name": "floor", "attribute": "floor", "kind": "float", "default": "0.0"}]
    return Descriptor.model_validate(
        {
            "className": f"plant.module{number}:Step",
            "inlets": [
                {**ports[name], "handler": "each", "delivery": {"onExhausted": "skip"}}
                for name in ("first", "second")
            ],
            "outlets": [ports["left"], ports["right"]],
            "parameters": parameters,
        }
    )


def document(streamlets: int) -> dict[str, Any]:
    """A circle of streamlets, two topics between each and the next."""
    classes = {
        f"step-{number}": {
            "class": f"plant.module{number}.Step",
            "replicas": 2,
            "parameters": {"floor": 1.5},
        }
        for number in range(streamlets)
    }
    topics = {
        f"topic-{2 * number + offset}": {
            "producers": [f"step-{(number - 1) % streamlets}.{outlet}"],
            "consumers": [f"step-{number}.{inlet}"],
            "partitions": 4,
        }
        for number in range(streamlets)
        for offset, (outlet, inlet) in enumerate((("left", "first"), ("right", "second")))
    }
    return {"blueprint": {"streamlets": classes, "topics": topics}}


def measure(streamlets: int, *, shared: bool) -> tuple[float, float]:
    """The fastest of some rounds, in seconds: verify, then configure."""
    classes = [
        descriptor(number, streamlets, shared=shared).model_dump(mode="json", by_alias=True)
        for number in range(streamlets)
    ]
    written = document(streamlets)
    best, configured = float("inf"), float("inf")
    for _ in range(ROUNDS):
        # Made anew: nothing that a round has cached may help the next.
        known = {one["className"]: Descriptor.model_validate(one) for one in classes}
        start = time.perf_counter()
        application = verify(parse(written), known)
        verified = time.perf_counter()
        configure(application)
        best = min(best, verified - start)
        configured = min(configured, time.perf_counter() - verified)
    return best, configured


def main() -> None:
    """Print one line for each size."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{'streamlets':>10} {'topics':>7} {'schemas':>8} {'verify s':>9} {'configure s':>12}")
    for shared in (False, True):
        for streamlets in (first, 2 * first, 4 * first):
            verified, configured = measure(streamlets, shared=shared)
            schemas = 1 if shared else 2 * streamlets
            print(
                f"{streamlets:>10} {2 * streamlets:>7} {schemas:>8} "
                f"{verified:>9.3f} {configured:>12.3f}"
            )


if __name__ == "__main__":
    main()
