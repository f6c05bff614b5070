"""The pictures of an application; the golden files are what people see."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.blueprint.descriptor import Descriptor, ServerDescriptor, SourceDescriptor
from streamlet_sdk.blueprint.graph import FORMATS, graph_svg, graph_text
from streamlet_sdk.blueprint.topology import Topology
from streamlet_sdk.blueprint.verified import (
    PortPath,
    VerifiedBlueprint,
    VerifiedStreamlet,
    VerifiedTopic,
)

if TYPE_CHECKING:
    from support.golden import Golden

# Topic: producers > consumers. Fan-in, fan-out, a circle, and topics open on one side.
PLANT = """
sensor-data: http-ingress.out, file-ingress.out, mqtt-bridge.out > metrics.in, raw-archive.in
metrics: metrics.out > validation.in
valid-metrics: validation.valid > valid-logger.in, rotorizer.in, enricher.in, window.in
invalid-metrics: validation.invalid > invalid-logger.in, alerts.bad-data
rotor-speeds: rotorizer.out > rotor-avg-logger.in, anomaly.in
weather: weather-poller.out > enricher.weather
enriched: enricher.out > anomaly.metrics, feature-store.in, dashboard.in
features: feature-store.out > model-serving.in
predictions: model-serving.out > alerts.predictions, dashboard.predictions
anomalies: anomaly.out > alerts.anomalies, labeller.in
labels: labeller.out > feature-store.labels
alerts: alerts.out > email-egress.in, pager-egress.in
windows: window.out > dashboard.windows, warehouse-egress.in
model-updates: > model-serving.models
audit: metrics.audit, alerts.audit >
corrections: labeller.corrections > validation.corrections
"""
SMALL = "a: in.out > in.again\nb: in.rest >"


def application(wires: str) -> VerifiedBlueprint:
    topics = {one.id: one for one in map(topic, wires.strip().splitlines())}
    names = dict.fromkeys(
        path.streamlet for one in topics.values() for path in (*one.producers, *one.consumers)
    )
    letters = PortPath("metrics", "in-dead-letters")
    dead = VerifiedTopic(id="metrics-in-dead-letters", producers=(letters,), implicit=True)
    return VerifiedBlueprint(
        streamlets={name: streamlet(name) for name in names},
        topics=topics | ({dead.id: dead} if "metrics" in names else {}),
    )


def topic(line: str) -> VerifiedTopic:
    id_, _, ends = line.partition(": ")
    producers, _, consumers = ends.partition(">")
    return VerifiedTopic(id=id_, producers=ports(producers), consumers=ports(consumers))


def ports(text: str) -> tuple[PortPath, ...]:
    return tuple(PortPath(*one.strip().split(".")) for one in text.split(",") if one.strip())


def streamlet(name: str) -> VerifiedStreamlet:
    descriptor = Descriptor(
        class_name="m:C",
        server=ServerDescriptor() if name.startswith("http") else None,
        sources=(SourceDescriptor(name="poll"),) if name.endswith("poller") else (),
    )
    replicas = 3 if name == "validation" else None
    return VerifiedStreamlet(name=name, descriptor=descriptor, replicas=replicas)


@pytest.mark.parametrize(("form", "suffix"), [("text", "txt"), ("mermaid", "mmd"), ("dot", "dot")])
def test_the_picture_of_a_plant(form: str, suffix: str, golden: Golden) -> None:
    golden.check(f"plant.{suffix}", FORMATS[form](application(PLANT)))


def test_the_svg_of_a_plant(golden: Golden) -> None:
    golden.check("plant.svg", graph_svg(application(PLANT)))


@pytest.mark.parametrize("wires", [PLANT, SMALL])
def test_an_svg_is_xml_with_a_box_for_each_streamlet_and_topic(wires: str) -> None:
    drawn = application(wires)
    root = ET.fromstring(graph_svg(drawn))
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    topics = [one.id for one in drawn.topics.values() if not one.implicit]
    assert sorted(map(str, texts)) == sorted([*drawn.streamlets, *topics])


def test_a_circle_is_drawn_and_marked() -> None:
    assert graph_text(application(SMALL)) == (
        "Streamlets, by stage\n"
        "   1  in\n"
        "\n"
        "Topics, in the order of the flow\n"
        "  in.out ────▶ a ───▶ in.again (back)\n"
        "  in.rest ───▶ b ───▶ (outside)\n"
    )


@pytest.mark.parametrize("form", FORMATS)
def test_a_streamlet_without_ports_has_a_picture_too(form: str) -> None:
    lonely = VerifiedBlueprint(streamlets={"lonely": streamlet("lonely")}, topics={})
    assert "lonely" in FORMATS[form](lonely)


def test_a_circle_begins_where_records_come_into_it() -> None:
    wires = "a: end.o > log.i\nb: end.back > mid.i\nc: mid.o > end.i\nd: first.o > mid.j"
    stage = Topology(application(wires)).stage
    assert stage == {"first": 0, "mid": 1, "end": 2, "log": 3}


def test_what_a_closed_circle_feeds_comes_after_it() -> None:
    stage = Topology(application("a: y.o > z.i, x.i\nb: x.o > y.i")).stage
    assert stage == {"y": 0, "x": 1, "z": 1}


def test_stages_follow_the_longest_way() -> None:
    stage = Topology(application("a: x.o > y.i, z.i\nb: y.o > z.j")).stage
    assert stage == {"x": 0, "y": 1, "z": 2}
