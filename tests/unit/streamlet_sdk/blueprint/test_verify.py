"""What `verify` finds: a table of broken blueprints with the exact problems of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Streamlet, source
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.problems.loading import ImportFailed, ImportTimedOut
from streamlet_sdk.blueprint.problems.wiring import IncompatibleSchemas, UnknownPort
from streamlet_sdk.blueprint.verified import PortPath
from streamlet_sdk.blueprint.verify import verify
from streamlet_sdk.errors import BlueprintError
from streamlet_sdk.serde import Avro
from support.blueprints import (
    Alarm,
    Filter,
    Ingress,
    Logger,
    Metric,
    a_document,
    an_application,
    descriptors,
    found,
    problems_of,
)

S = "blueprint.streamlets"
T = "blueprint.topics"


def with_topic(id_: str, **changes: Any) -> dict[str, Any]:
    """The usual document with something changed in one topic."""
    document = a_document()
    topics: dict[str, Any] = document["blueprint"]["topics"]
    topics[id_] = topics.get(id_, {}) | changes
    return document


def with_streamlet(name: str, **changes: Any) -> dict[str, Any]:
    """The usual document with something changed in one streamlet."""
    document = a_document()
    streamlets: dict[str, Any] = document["blueprint"]["streamlets"]
    written = streamlets[name]
    streamlets[name] = ({"class": written} if isinstance(written, str) else written) | changes
    return document


def test_what_fits_together_verifies() -> None:
    application = an_application()
    assert list(application.streamlets) == ["ingress", "filter", "logger"]
    assert application.warnings == ()
    raw = application.topic_of("filter", "in")
    assert raw is not None
    assert (raw.id, raw.producers) == ("raw", (PortPath("ingress", "out"),))


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        (with_streamlet("filter", runtime="pythn"), [("UnknownRuntime", f"{S}.filter.runtime")]),
        (with_topic("raw", producers=["out"]), [
            ("UnconnectedOutlet", f"{S}.ingress"), ("InvalidPortPath", f"{T}.raw.producers.0"),
        ]),
        (with_topic("raw", producers=["ingress.out", "a.b.c"]),
         [("InvalidPortPath", f"{T}.raw.producers.1")]),
        (with_topic("raw", producers=["ingress.out", ".b"]),
         [("InvalidPortPath", f"{T}.raw.producers.1")]),
        (with_topic("raw", producers=["ingress.out", "b."]),
         [("InvalidPortPath", f"{T}.raw.producers.1")]),
        (with_topic("raw", producers=["ingress.out", "filtr.out"]),
         [("UnknownStreamlet", f"{T}.raw.producers.1")]),
        (with_topic("raw", producers=["ingress.out", "filter.ou"]),
         [("UnknownPort", f"{T}.raw.producers.1")]),
        (with_topic("raw", producers=["ingress.out", "logger.in"]), [
            ("InletAsProducer", f"{T}.raw.producers.1"),
            ("PortInManyTopics", f"{T}.good.consumers.0"),
        ]),
        (with_topic("raw", consumers=["filter.in", "filter.in"]),
         [("PortListedTwice", f"{T}.raw.consumers.1")]),
        (with_topic("more", consumers=["ingress.out"]), [
            ("OutletAsConsumer", f"{T}.more.consumers.0"),
            ("PortInManyTopics", f"{T}.more.consumers.0"),
        ]),
        (with_topic("more", producers=["filter.out"]),
         [("PortInManyTopics", f"{T}.more.producers.0")]),
        (with_topic("good", consumers=[]), [("UnconnectedInlet", f"{S}.logger")]),
        (with_topic("good", producers=[]), [("UnconnectedOutlet", f"{S}.filter")]),
        (with_topic("raw", topic={"name": "has space"}),
         [("InvalidTopicName", f"{T}.raw.topic.name")]),
        (with_topic("raw", topic={"name": ".."}), [("InvalidTopicName", f"{T}.raw.topic.name")]),
        (with_topic("raw", topic={"name": "n" * 250}),
         [("InvalidTopicName", f"{T}.raw.topic.name")]),
        (with_topic("no topic", partitions=1), [("InvalidTopicName", f'{T}."no topic"')]),
        (with_topic("raw", cluster="East"), [("InvalidClusterName", f"{T}.raw.cluster")]),
        (with_streamlet("filter", parameters={"flo": 1}),
         [("UnknownParameter", f"{S}.filter.parameters.flo")]),
        (with_streamlet("filter", parameters={"floor": "low"}),
         [("InvalidParameterValue", f"{S}.filter.parameters.floor")]),
        (with_streamlet("filter", parameters={"label": 1.10}),
         [("InvalidParameterValue", f"{S}.filter.parameters.label")]),
        (with_streamlet("filter", delivery={"out": {"guarantee": "at-most-once"}}),
         [("UnknownInlet", f"{S}.filter.delivery.out")]),
        (with_topic("filter-in-dead-letters", producers=[]),
         [("DeadLetterTopicTaken", f"{T}.filter-in-dead-letters")]),
    ],
)  # fmt: skip
def test_a_broken_blueprint_has_exactly_its_problems(
    document: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert found(problems_of(document)) == problems


@pytest.mark.parametrize("name", ["Filter", "my_filter", "-x", "x-", "a.b", "x" * 64, "ä"])
def test_names_that_kubernetes_would_refuse_are_problems(name: str) -> None:
    streamlets = {name: "turbines.Filter"}
    types = [kind for kind, _ in found(problems_of(a_document(streamlets=streamlets, topics={})))]
    assert "InvalidStreamletName" in types


def test_two_topics_with_one_name_in_kafka_are_a_problem_on_one_cluster_only() -> None:
    document = with_topic("raw", topic={"name": "plant"})
    document["blueprint"]["topics"]["good"]["topic"] = {"name": "plant"}
    assert found(problems_of(document)) == [("SharedKafkaName", f"{T}.good.topic.name")]
    document["blueprint"]["topics"]["good"]["cluster"] = "east"
    assert problems_of(document) == []


def test_a_consumer_that_could_not_read_a_producer_is_a_problem_that_says_why() -> None:
    document = with_topic("good", consumers=["alarms.in", "logger.in"])
    document["blueprint"]["streamlets"]["alarms"] = "turbines.AlarmLogger"
    (problem,) = problems_of(document)
    assert isinstance(problem, IncompatibleSchemas)
    assert (problem.path, problem.producer) == (f"{T}.good.consumers.0", "filter.out")
    assert problem.reasons != ()


def test_producers_of_a_topic_are_not_compared_among_themselves() -> None:
    class Alarms(Streamlet):
        out = Outlet(Alarm)

    known = descriptors(Ingress, Filter, Logger, Alarms)
    document = with_topic("mixed", producers=["alarms.out", "more.out"])
    document["blueprint"]["streamlets"] |= {"alarms": "turbines.Alarms", "more": "turbines.Ingress"}
    assert problems_of(document, known) == []


def test_writers_whose_schemas_differ_in_logical_types_alone_are_a_problem() -> None:
    first, second = _timestamps("timestamp-millis"), _timestamps("timestamp-micros")
    known = descriptors(first, second)
    document = a_document(
        streamlets={"first": f"turbines.{first.__name__}", "second": f"turbines.{second.__name__}"},
        topics={"a": {"producers": ["first.out"]}, "b": {"producers": ["second.out"]}},
    )
    assert found(problems_of(document, known)) == [("ConflictingSchemas", f"{T}.b.producers.0")]
    document["blueprint"]["topics"]["b"]["cluster"] = "east"
    assert problems_of(document, known) == []


def _timestamps(logical: Any) -> type[Streamlet]:
    class Reading(BaseModel):
        at: Annotated[datetime, Avro(logical=logical)]

    body = {"out": Outlet(Reading)}
    return type(f"Source{logical.rpartition('-')[2].capitalize()}", (Streamlet,), body)


def test_bytes_fit_bytes_only() -> None:
    class Raw(Streamlet):
        out = Outlet(bytes)

    class RawLogger(Streamlet):
        in_ = Inlet(bytes)

        @in_.each
        def log(self, data: bytes) -> None: ...

    known = descriptors(Raw, RawLogger, Logger)
    streamlets = {"raw": "turbines.Raw", "log": "turbines.RawLogger", "logger": "turbines.Logger"}
    topics = {"t": {"producers": ["raw.out"], "consumers": ["log.in", "logger.in"]}}
    problems = problems_of(a_document(streamlets=streamlets, topics=topics), known)
    assert found(problems) == [("IncompatibleSchemas", f"{T}.t.consumers.1")]


def test_a_topic_of_the_platforms_own_takes_dead_letters_that_are_wired_nowhere() -> None:
    application = an_application()
    topic = application.topics["filter-in-dead-letters"]
    assert topic.implicit
    assert topic.producers == (PortPath("filter", "in-dead-letters"),)
    # The logger skips what fails, so nothing would ever be written to one of its own.
    assert application.topic_of("logger", "in-dead-letters") is None


def test_dead_letters_can_be_wired_and_a_policy_overridden() -> None:
    document = with_topic("dead", producers=["filter.in-dead-letters"])
    document["blueprint"]["streamlets"]["logger"] = {
        "class": "turbines.Logger",
        "delivery": {"in": {"on-exhausted": "dead-letter"}},
    }
    topics = an_application(document).topics
    assert "filter-in-dead-letters" not in topics
    assert topics["logger-in-dead-letters"].implicit


def test_dead_letters_lie_on_the_cluster_of_the_records_that_they_were() -> None:
    document = with_topic("raw", cluster="east")
    assert an_application(document).topics["filter-in-dead-letters"].cluster == "east"


def test_a_port_wired_to_two_topics_is_reported_and_raises_nothing_else() -> None:
    document = with_topic("again", consumers=["filter.in"])
    assert found(problems_of(document)) == [("PortInManyTopics", f"{T}.again.consumers.0")]


def test_unused_classes_do_no_harm() -> None:
    assert "turbines.AlarmLogger" in descriptors()
    an_application()


def test_an_unknown_port_is_suggested_among_those_of_its_side() -> None:
    (problem,) = problems_of(with_topic("raw", producers=["ingress.out", "filter.uot"]))
    assert isinstance(problem, UnknownPort)
    assert (problem.suggestion, problem.known) == ("out", ("out",))


def test_a_class_that_nobody_described_is_a_problem() -> None:
    document = with_streamlet("filter", **{"class": "turbines.Filtr"})
    problems = problems_of(document)
    assert found(problems) == [("UnknownClass", f"{S}.filter.class")]
    assert problems[0].suggestion == "turbines:Filter"


def test_problems_of_a_class_stand_where_it_is_used_and_hide_what_follows_from_them() -> None:
    known = {name: one for name, one in descriptors().items() if name != "turbines.Filter"}
    broken = ImportFailed(
        path="turbines:Filter", class_name="turbines:Filter", error="E", location="f:1"
    )
    document = with_topic("good", cluster="UPPER")
    document["blueprint"]["streamlets"]["ingress"] = {"class": "turbines.Ingress", "replicas": -1}
    with pytest.raises(BlueprintError) as caught:
        verify(parse(document), known, [broken])
    assert found(list(caught.value.problems)) == [
        ("OutOfRange", f"{S}.ingress.replicas"),
        ("ImportFailed", "turbines:Filter"),
        ("InvalidClusterName", f"{T}.good.cluster"),
    ]


def test_a_problem_of_a_class_has_the_line_that_names_the_class() -> None:
    broken = ImportFailed(
        path="turbines:Filter", class_name="turbines:Filter", error="E", location="f:1"
    )
    lines: dict[tuple[str | int, ...], int] = {("blueprint", "streamlets", "filter", "class"): 7}
    with pytest.raises(BlueprintError) as caught:
        verify(parse(a_document(), lines), descriptors(), [broken])
    assert [(one.path, one.line) for one in caught.value.problems] == [("turbines:Filter", 7)]


def test_what_keeps_several_classes_from_being_imported_is_told_once() -> None:
    def failed(class_name: str, location: str) -> ImportFailed:
        return ImportFailed(path=class_name, class_name=class_name, error="E", location=location)

    def hung(class_name: str) -> ImportTimedOut:
        return ImportTimedOut(path=class_name, class_name=class_name, seconds=1)

    names = ["a:One", "a:Two", "b:One", "c:One", "c:Two", "d:One"]
    document = a_document() | {
        "blueprint": {"streamlets": {n[0] + n[2:].lower(): n for n in names}}
    }
    shared = [failed(name, "model.py:1") for name in names[:3]]
    with pytest.raises(BlueprintError) as caught:
        verify(parse(document), {}, [*shared, *map(hung, names[3:])])
    assert [one.path for one in caught.value.problems] == ["a:One", "c:One", "d:One"]


def test_the_value_of_a_secret_is_never_repeated() -> None:
    class Secretive(Filter):
        token = Filter.token.__class__(str, pattern="[a-z]+", secret=True)

    document = with_streamlet("filter", **{"class": "turbines.Secretive"})
    document["blueprint"]["streamlets"]["filter"]["parameters"] = {"token": "HUNTER2"}
    (problem,) = problems_of(document, descriptors(Secretive, Ingress, Logger))
    assert "HUNTER2" not in str(problem)


class Exact(Streamlet):
    """Exactly once by its class."""

    in_ = Inlet(Metric, delivery=Delivery(guarantee="exactly-once"))
    out = Outlet(Metric)

    @in_.each
    def keep(self, metric: Metric) -> Emission:
        return self.out(metric)


def exact_document(**topic: Any) -> dict[str, Any]:
    document = with_streamlet("filter", **{"class": "turbines.Exact"})
    document["blueprint"]["topics"]["good"] |= topic
    return document


def test_exactly_once_works_within_one_cluster() -> None:
    known = descriptors(Exact, Ingress, Logger)
    assert problems_of(exact_document(), known) == []
    problems = problems_of(exact_document(cluster="east"), known)
    assert found(problems) == [("ExactlyOnceImpossible", f"{S}.filter.delivery.in")]
    assert "default, east" in problems[0].sentence


def test_exactly_once_excludes_broadcasts_and_servers() -> None:
    class Broadcast(Exact):
        in_ = Inlet(Metric, broadcast=True, delivery=Delivery(guarantee="exactly-once"))

    class Server(Exact):
        __server__ = "routes"

    for cls in (Broadcast, Server):
        document = with_streamlet("filter", **{"class": f"turbines.{cls.__name__}"})
        problems = problems_of(document, descriptors(cls, Ingress, Logger))
        assert found(problems) == [("ExactlyOnceImpossible", f"{S}.filter.delivery.in")]


@pytest.mark.parametrize(("replicas", "count"), [(0, 0), (1, 0), (2, 1)])
def test_only_replicated_sources_have_several_replicas(replicas: int, count: int) -> None:
    class Poller(Streamlet):
        out = Outlet(Metric)

        @source
        def poll(self) -> Any:
            yield self.out(Metric(value=1))

    document = with_streamlet("ingress", **{"class": "turbines.Poller", "replicas": replicas})
    problems = problems_of(document, descriptors(Poller, Filter, Logger))
    assert found(problems) == [("SourceNotReplicated", f"{S}.ingress.replicas")] * count


def test_what_is_legal_and_probably_not_meant_is_a_warning() -> None:
    document = with_streamlet("filter", replicas=4, parameters={"token": "t"})
    document["blueprint"]["topics"]["raw"]["partitions"] = 3
    document["blueprint"]["topics"]["spare"] = {}
    assert found(list(an_application(document).warnings)) == [
        ("IdleReplicas", f"{S}.filter.replicas"),
        ("SecretInDocument", f"{S}.filter.parameters.token"),
        ("TopicWithoutPorts", f"{T}.spare"),
    ]


def test_settings_of_topics_arrive() -> None:
    document = with_topic(
        "raw",
        partitions=4,
        replicas=3,
        managed=False,
        topic={"name": "plant", "retention.ms": 1},
        **{"connection-config": {"client.id": "x"}, "consumer-config": {"fetch.min.bytes": 2}},
    )
    topic = an_application(document).topics["raw"]
    assert (topic.partitions, topic.replication_factor, topic.managed) == (4, 3, False)
    assert (topic.kafka_name, topic.config) == ("plant", {"retention.ms": "1"})
    assert topic.connection == {"client.id": "x"}
    assert topic.consumer == {"fetch.min.bytes": "2"}
