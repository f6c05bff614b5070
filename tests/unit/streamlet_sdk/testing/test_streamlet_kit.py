"""One streamlet in the kit: what goes in, what comes out, and what a deployment would check."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from streamlet_sdk import (
    Delivery,
    Emission,
    Inlet,
    Outlet,
    Parameter,
    Record,
    Reject,
    Retry,
    Streamlet,
    VolumeMount,
)
from streamlet_sdk.errors import BlueprintError, ConfigurationError, EncodeError
from streamlet_sdk.testing import DeadLetter, Setup, StreamletKit

if TYPE_CHECKING:
    from pathlib import Path

    from streamlet_sdk.testing import StreamletKits


class Metric(BaseModel):
    """A measurement."""

    device: str
    value: float


class Invalid(BaseModel):
    """A measurement that is not good, and why."""

    metric: Metric
    error: str


class Validation(Streamlet):
    """Sends good metrics one way and bad ones another; 13 brings it down."""

    in_ = Inlet(Metric)
    valid = Outlet(Metric)
    invalid = Outlet(Invalid, key=lambda bad: bad.metric.device)

    floor = Parameter(float, default=0.0)

    @in_.each
    def validate(self, metric: Metric) -> Emission[Any]:
        if metric.value == 13:
            raise ValueError("thirteen")
        if metric.value == 666:
            raise Reject("the beast")
        if metric.value < self.floor:
            return self.invalid(Invalid(metric=metric, error="too low"))
        return self.valid(metric)


def metric(value: float, device: str = "a") -> Metric:
    return Metric(device=device, value=value)


def test_what_is_fed_comes_out_where_it_belongs(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation, floor=2.0)
    kit.feed("in", metric(1), metric(3))
    kit.run()
    assert kit.values("valid") == [metric(3)]
    (bad,) = kit.received("invalid")
    assert (bad.value, bad.key) == (Invalid(metric=metric(1), error="too low"), b"a")
    assert (bad.topic, bad.partition, bad.offset) == ("invalid", 0, 0)
    assert kit.counters.received == kit.counters.emitted == 2


def test_values_go_over_the_wire_in_the_real_encoding(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    kit.feed("in", metric(3))
    kit.run()
    (record,) = kit.broker.topic("valid").records()
    assert record.value is not None
    assert record.value[:2] == b"\xc3\x01"  # Avro's mark of a single object


def test_nothing_is_handled_before_the_kit_runs(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    kit.feed("in", metric(3))
    assert kit.values("valid") == []
    assert kit.counters.received == 0
    kit.run()
    assert kit.values("valid") == [metric(3)]


def test_a_kit_can_be_fed_and_run_again(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    for value in (1, 2, 3):
        kit.feed("in", metric(value))
        kit.run()
    assert kit.values("valid") == [metric(1), metric(2), metric(3)]


def test_a_key_headers_and_a_time_are_fed_along(streamlet_kit: StreamletKits) -> None:
    class Mirror(Streamlet):
        in_ = Inlet(Metric)
        out = Outlet(str, format="json")

        @in_.each
        def mirror(self, metric: Metric, record: Record[Metric]) -> Emission[str]:
            del metric
            return self.out(f"{record.key_text} {record.headers} {record.timestamp_ms}")

    kit = streamlet_kit(Mirror)
    kit.feed("in", metric(1), key="k", headers={"h": "v"}, timestamp_ms=5)
    kit.feed("in", metric(1, "x"), metric(1, "y"), key=lambda one: one.device, timestamp_ms=6)
    kit.run()
    assert kit.values("out") == ["k (('h', b'v'),) 5", "x () 6", "y () 6"]


def test_records_of_one_kit_can_be_fed_to_another(streamlet_kit: StreamletKits) -> None:
    first, second = streamlet_kit(Validation, floor=5.0), streamlet_kit(Validation)
    first.feed("in", metric(7), key="k", headers={"correlation-id": "c"}, timestamp_ms=5)
    first.run()
    second.feed("in", *first.received("valid"))
    second.run()
    (record,) = second.received("valid")
    assert (record.value, record.timestamp_ms) == (metric(7), 5)
    assert list(record.headers) == [("correlation-id", b"c")]


def test_records_without_a_time_have_that_of_the_kit(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    assert kit.now == datetime(2024, 1, 1, tzinfo=UTC)
    kit.advance(timedelta(hours=1))
    kit.feed("in", metric(1))
    kit.run()
    (record,) = kit.received("valid")
    assert record.timestamp_ms == datetime(2024, 1, 1, 1, tzinfo=UTC).timestamp() * 1000


def test_a_value_of_another_type_is_refused_at_once(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    with pytest.raises(EncodeError):
        kit.feed("in", "no metric")
    with pytest.raises(EncodeError) as raised:
        kit.feed("in", [metric(1), metric(2)])
    assert raised.value.__notes__ == ["Each value is fed by itself: feed('in', *values)."]
    kit.run()
    assert kit.counters.received == 0


def test_dead_letters_tell_their_story(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    kit.feed("in", metric(1), metric(13), key="k", headers={"own": "x"}, timestamp_ms=9)
    kit.run()
    (letter,) = kit.dead_letters("in")
    assert isinstance(letter, DeadLetter)
    assert (letter.value, letter.key, letter.timestamp_ms) == (metric(13), b"k", 9)
    assert letter.headers == (("own", b"x"),)
    assert (letter.reason, letter.attempts) == ("handler", 3)
    assert (letter.exception_type, letter.message) == ("builtins.ValueError", "thirteen")
    assert "in validate" in letter.stack
    assert (letter.topic, letter.partition, letter.offset) == ("in", 0, 1)
    assert (letter.streamlet, letter.inlet) == ("streamlet-under-test", "in")


def test_bytes_that_do_not_decode_become_dead_letters(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    kit.feed_raw("in", b"rubbish", None, key="k")
    kit.feed("in", metric(666))
    kit.run()
    letters = kit.dead_letters("in")
    assert [(one.reason, one.data) for one in letters[:2]] == [
        ("decode", b"rubbish"),
        ("decode", None),
    ]
    assert [one.value for one in letters] == [None, None, metric(666)]
    assert [one.reason for one in letters] == ["decode", "decode", "reject"]


def test_none_is_a_tombstone_where_the_inlet_takes_them(streamlet_kit: StreamletKits) -> None:
    class Table(Streamlet):
        in_ = Inlet(Metric, tombstones=True)
        out = Outlet(Metric)

        @in_.each
        def keep(self, metric: Metric | None, record: Record[Metric | None]) -> Emission[Any]:
            return self.out(metric) if metric else self.out.tombstone(key=record.key)

    kit = streamlet_kit(Table)
    kit.feed("in", None, key="gone")
    kit.run()
    (record,) = kit.received("out")
    assert (record.value, record.key) == (None, b"gone")
    with pytest.raises(EncodeError):
        streamlet_kit(Validation).feed("in", None)


def test_an_inlet_that_starts_at_the_latest_record_gets_what_is_fed(
    streamlet_kit: StreamletKits,
) -> None:
    class Latest(Streamlet):
        in_ = Inlet(bytes, start="latest")
        out = Outlet(bytes)

        @in_.each
        def pass_on(self, data: bytes) -> Emission[bytes]:
            return self.out(data)

    kit = streamlet_kit(Latest)
    kit.feed("in", b"a")
    kit.run()
    assert kit.values("out") == [b"a"]


class Colour(Enum):
    """What an enum parameter may be."""

    RED = "red"
    BLUE = "blue"


class Configured(Streamlet):
    """Says how it is configured."""

    in_ = Inlet(bytes)
    out = Outlet(str, format="json")

    name = Parameter(str, pattern="[a-z]+")
    wait = Parameter(timedelta, default=timedelta(seconds=1))
    colour = Parameter(Colour, default=Colour.RED)
    log_level = Parameter(str, default="info")
    models = VolumeMount("/models")

    @in_.each
    def tell(self, data: bytes) -> Emission[str]:
        del data
        files = sorted(file.name for file in self.models.iterdir())
        return self.out(f"{self.name} {self.wait} {self.colour.name} {self.log_level} {files}")


def told(kit: StreamletKit[Configured]) -> str:
    kit.feed("in", b"")
    kit.run()
    (text,) = kit.values("out")
    return str(text)


def test_parameters_have_their_defaults(streamlet_kit: StreamletKits) -> None:
    assert told(streamlet_kit(Configured, name="ada")) == "ada 0:00:01 RED info []"


def test_parameters_are_values_or_text(streamlet_kit: StreamletKits) -> None:
    by_value = streamlet_kit(
        Configured, name="ada", wait=timedelta(minutes=2), colour=Colour.BLUE, log_level="x"
    )
    by_text = streamlet_kit(Configured, name="ada", wait="2 minutes", colour="blue", log_level="x")
    assert told(by_value) == told(by_text) == "ada 0:02:00 BLUE x []"


def test_all_that_is_wrong_with_parameters_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        StreamletKit(Configured, wait="soon", colour="green")
    text = str(raised.value)
    assert len(raised.value.problems) == 3
    assert "'name' (string) has no value" in text
    assert "'soon' is not a duration" in text
    assert "'green' is not one of" in text


def test_an_unknown_parameter_is_a_type_error_with_the_one_that_was_meant() -> None:
    with pytest.raises(TypeError, match="no parameter 'flor'; did you mean 'floor'"):
        StreamletKit(Validation, flor=1)


def test_a_mount_is_a_folder_that_the_test_fills(
    streamlet_kit: StreamletKits, tmp_path: Path
) -> None:
    kit = streamlet_kit(Configured, name="ada")
    (kit.mount("models") / "wine.json").write_text("{}")
    assert told(kit).endswith("['wine.json']")
    (tmp_path / "beer.json").write_text("{}")
    assert told(streamlet_kit(Configured, name="ada", models=tmp_path)).endswith("['beer.json']")


def test_folders_of_mounts_are_removed_at_the_end() -> None:
    with StreamletKit(Configured, name="ada") as kit:
        folder = kit.mount("models")
        (folder / "wine.json").write_text("{}")
    assert not folder.exists()


def test_a_kit_that_cannot_be_made_leaves_nothing_behind() -> None:
    with warnings.catch_warnings(record=True) as caught, pytest.raises(ConfigurationError):
        StreamletKit(Configured)
    assert caught == []


def test_what_is_wrong_with_a_class_is_told_as_verification_tells_it() -> None:
    class Wrong(Streamlet):
        in_ = Inlet(bytes)
        seen: list[bytes] = []  # noqa: RUF012 — the mistake that is looked for

    with pytest.raises(BlueprintError) as raised:
        StreamletKit(Wrong)
    assert len(raised.value.problems) == 2
    assert "'in'" in str(raised.value)
    assert "seen" in str(raised.value)


def test_delivery_and_settings_can_be_set(streamlet_kit: StreamletKits) -> None:
    setup = Setup(
        delivery={"in": Delivery(retry=Retry(attempts=1), on_exhausted="skip")},
        settings={"max-emissions": 5},
    )
    kit = streamlet_kit(Validation, setup)
    kit.feed("in", metric(13))
    kit.run()
    assert (kit.counters.retried, kit.counters.skipped) == (0, 1)
    assert kit.dead_letters("in") == []


def test_a_wrong_setting_is_told() -> None:
    with pytest.raises(ValueError, match="settings of the engine: max-emissions: Input should be"):
        StreamletKit(Validation, Setup(settings={"max-emissions": "many"}))


def test_several_replicas_share_the_partitions(streamlet_kit: StreamletKits) -> None:
    class Who(Streamlet):
        in_ = Inlet(bytes)
        out = Outlet(str, format="json")

        @in_.each
        def tell(self, data: bytes) -> Emission[str]:
            del data
            return self.out(self.context.replica)

    kit = streamlet_kit(Who, Setup(partitions=4, replicas=2))
    kit.feed("in", *[b""] * 8)
    kit.run()
    assert sorted(kit.values("out")) == sorted(
        ["streamlet-under-test-0"] * 4 + ["streamlet-under-test-1"] * 4
    )
    assert kit.counters.received == 8


def test_the_running_instance_can_be_looked_at(streamlet_kit: StreamletKits) -> None:
    class Counting(Streamlet):
        in_ = Inlet(bytes)

        async def start(self) -> None:
            self.count = 0

        @in_.each
        def add(self, data: bytes) -> None:
            self.count += len(data)

    kit = streamlet_kit(Counting)
    kit.feed("in", b"abc", b"de")
    kit.run()
    assert kit.streamlet.count == 5


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda kit: kit.feed("inn", metric(1)), "no inlet 'inn'; did you mean 'in'"),
        (lambda kit: kit.values("vald"), "no outlet 'vald'; did you mean 'valid'"),
        (lambda kit: kit.dead_letters("valid"), "no inlet 'valid'; there is in"),
        (lambda kit: kit.mount("models"), "no volume mount 'models'; there is none"),
        (lambda kit: kit.checkpoint("read"), "no source 'read'; there is none"),
        (lambda kit: kit.crash("b-1"), "no replica 'b-1'; there is streamlet-under-test-0"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_ones(
    streamlet_kit: StreamletKits, act: Any, message: str
) -> None:
    with pytest.raises(LookupError, match=message):
        act(streamlet_kit(Validation))


async def test_a_kit_works_within_an_asynchronous_test(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Validation)
    kit.feed("in", metric(3))
    kit.run()
    assert kit.values("valid") == [metric(3)]
