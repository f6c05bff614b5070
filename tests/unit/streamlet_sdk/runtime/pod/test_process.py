"""The process ends with the reason as its last line, in words that say what to do."""

from __future__ import annotations

import json
import logging
import signal
import socket
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Parameter, Retry, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.contract import ParameterSource
from streamlet_sdk.runtime.pod import pod, process
from streamlet_sdk.runtime.transport import TopicSpec
from support.engine import a_config
from support.pod import contract_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRET = "hunter2"


class Copy(Streamlet):
    """Takes parameters of all kinds."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    count = Parameter(int, description="Required.")
    floor = Parameter(float, default=0.0, description="Optional.")
    token = Parameter(
        str, default="0", pattern="[0-9]+", secret=True, description="Not to be seen."
    )

    @in_.each
    def copy(self, data: bytes) -> Emission[bytes]:
        """As it is."""
        return self.out(data)


class Refuses(Copy):
    """Does not start, because of a line in a library."""

    async def start(self) -> None:
        """Raise."""
        json.loads("{")


class Exits(Copy):
    """Ends the process as a script would."""

    async def start(self) -> None:
        """Exit."""
        raise SystemExit(3)


class Stops(Streamlet):
    """Gives up at the first record that fails."""

    in_ = Inlet(bytes, delivery=Delivery(retry=Retry(attempts=1), on_exhausted="stop"))

    @in_.each
    def take(self, data: bytes) -> None:
        """Fail."""
        raise ValueError(f"no\ngood: {len(data)}")


class Outcome:
    """What a process has said and how it ended."""

    def __init__(self, status: int, log: str) -> None:
        self.status = status
        self.log = log
        self.lines = log.splitlines()
        self.last = self.lines[-1]


@dataclass
class Runs:
    """Runs the process here, on an embedded broker."""

    folder: Path
    capfd: pytest.CaptureFixture[str]
    form: str = "text"
    port: int = 0

    def __call__(
        self,
        cls: type[Streamlet],
        parameters: Mapping[str, str | ParameterSource] | None = None,
        **other: object,
    ) -> Outcome:
        config = a_config(cls).model_dump(by_alias=True)
        sources = {
            name: ParameterSource(value=value) if isinstance(value, str) else value
            for name, value in (parameters or {}).items()
        }
        made = type(a_config(cls)).model_validate({**config, "parameters": sources, **other})
        contract_folder(self.folder, made, {"default": {"bootstrap.servers": "broker:9092"}})
        return self.main()

    def main(self) -> Outcome:
        """Run it for the folder."""
        words = ["--config", str(self.folder), "--port", str(self.port), "--log-format", self.form]
        status = process.main(words)
        return Outcome(status, self.capfd.readouterr().err)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> EmbeddedBroker:
    """Stands where Kafka does."""
    made = EmbeddedBroker()

    def transport(servers: str, properties: object, *, client: str) -> object:
        assert servers == "broker:9092"
        return made.transport(client=client)

    monkeypatch.setattr(pod, "KafkaTransport", transport)
    return made


@pytest.fixture
def run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], broker: EmbeddedBroker
) -> Iterator[Runs]:
    """Runs the process; what it sets for all of the process is put back."""
    root = logging.getLogger()
    kept, level, root.handlers = root.handlers, root.level, []
    on_term = signal.getsignal(signal.SIGTERM)
    showing = warnings.showwarning
    yield Runs(tmp_path, capfd)
    logging.captureWarnings(capture=False)
    warnings.showwarning = showing
    signal.signal(signal.SIGTERM, on_term)
    for name in ("aiokafka", "uvicorn"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.handlers = kept
    root.setLevel(level)


def test_what_is_missing_is_told_before_a_broker_is_asked(run: Runs) -> None:
    outcome = run(Copy)
    assert outcome.status == 1
    assert "CRITICAL" in outcome.last
    assert "cloudflow.streamlets.worker.config-parameters.count" in outcome.last
    assert "count" in outcome.last.partition("cannot be used: ")[2]


def test_all_that_is_wrong_is_told_and_the_last_line_says_how_much(run: Runs) -> None:
    outcome = run(Copy, {"floor": "deep", "token": SECRET})
    assert outcome.status == 1
    assert "(and 2 more, above)" in outcome.last
    assert sum("config-parameters." in line for line in outcome.lines) == 3
    assert SECRET not in outcome.log


def test_a_port_without_a_topic_is_named(run: Runs) -> None:
    outcome = run(Copy, {"count": "1"}, ports={})
    assert outcome.status == 1
    assert "worker.in" in outcome.last


def test_a_class_that_is_not_there_is_named_with_what_was_meant(run: Runs) -> None:
    outcome = run(Copy, **{"class": f"{__name__}:Copi"})
    assert outcome.status == 1
    assert "Did you mean 'Copy'?" in outcome.last


def test_a_module_that_cannot_be_imported_is_told_with_its_line(
    run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("broken_streamlets.py").write_text("import os\n\n1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    outcome = run(Copy, **{"class": "broken_streamlets:Any"})
    assert outcome.status == 1
    assert "broken_streamlets.py:3" in outcome.last
    assert "ZeroDivisionError" in outcome.last


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "no JSON"),
        ('{"contract": 99}', "the operator wrote contract 99"),
        ('{"application": 3}', "application: Input should be a valid string"),
        ("[]", "streamlet.json"),
    ],
)
def test_a_contract_that_cannot_be_read_is_told(
    run: Runs, tmp_path: Path, document: str, said: str
) -> None:
    tmp_path.joinpath("streamlet.json").write_text(document)
    outcome = run.main()
    assert outcome.status == 1
    assert "The configuration cannot be used: " in outcome.last
    assert said in outcome.log
    assert outcome.last.endswith(".") or "more, above)" in outcome.last


def test_an_error_in_start_is_told_with_the_users_line(run: Runs, broker: EmbeddedBroker) -> None:
    make_topics(broker)
    outcome = run(Refuses, {"count": "1"})
    assert outcome.status == 1
    assert "JSONDecodeError: Expecting property name" in outcome.last
    assert f"test_process.py:{users_line('json.loads')}" in outcome.last
    assert "Traceback" in outcome.log


def test_a_streamlet_that_calls_exit_has_failed(run: Runs, broker: EmbeddedBroker) -> None:
    make_topics(broker)
    outcome = run(Exits, {"count": "1"})
    assert outcome.status == 1
    assert "the code called sys.exit(3)" in outcome.last


def test_the_policy_stop_ends_the_process_with_what_failed(
    run: Runs, broker: EmbeddedBroker
) -> None:
    make_topics(broker, b"bad")
    outcome = run(Stops)
    assert outcome.status == 1
    assert "ValueError" in outcome.last
    assert f"test_process.py:{users_line('raise ValueError')}" in outcome.log


def test_in_json_the_last_line_is_an_object_that_says_the_same(run: Runs) -> None:
    run.form = "json"
    outcome = run(Copy, {"count": "many"})
    found = [json.loads(line) for line in outcome.lines]
    assert found[-1]["level"] == "critical"
    assert "config-parameters.count" in found[-1]["message"]
    assert found[-1]["application"] == "app"
    assert found[-1]["streamlet"] == "worker"


def test_a_topic_that_is_missing_is_named_with_what_to_do(run: Runs) -> None:
    outcome = run(Copy, {"count": "1"})
    assert outcome.status == 1
    assert "topic 'out' does not exist on cluster 'default'" in outcome.last
    assert "(deploy the application again, or create the topic)" in outcome.last


def test_a_port_that_is_taken_is_told_with_what_to_do(run: Runs, broker: EmbeddedBroker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run.port = taken.getsockname()[1]
        outcome = run(Copy, {"count": "1"})
    assert outcome.status == 1
    assert f"port {run.port} of probes and metrics cannot be used: Address already" in outcome.last
    assert "(name another one with --port" in outcome.last


def make_topics(broker: EmbeddedBroker, *values: bytes) -> None:
    """Every topic of the streamlets above; `values` are read."""
    for name in ("in", "out", "in-dead-letters"):
        broker.create(TopicSpec(name=name, partitions=1))
    for value in values:
        broker.topic("in").append(0, [(0, None, value, (), len(value))], len(value), None)


def users_line(text: str) -> int:
    """Where `text` stands in this file."""
    lines = Path(__file__).read_text().splitlines()
    [found] = [n for n, line in enumerate(lines, 1) if line.strip().startswith(text)]
    return found
