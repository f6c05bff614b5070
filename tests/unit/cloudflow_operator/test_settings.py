"""The operator's environment: as a chart writes it, or refused by the names of what is wrong."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import election
from cloudflow_operator.logs import JsonFormatter, configure
from cloudflow_operator.settings import PREFIX, SettingsError, settings_of_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cloudflow_operator.settings import Settings


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Reads the settings of an environment with these variables."""

    def made(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
        return settings_of_environment()

    return made


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before, level
    logging.getLogger("kopf").setLevel(logging.NOTSET)


def test_nothing_has_to_be_set(read: Callable[..., Settings]) -> None:
    found = read()
    assert found.watch_namespaces == ()
    assert found.namespace is None
    assert found.kubeconfig is None
    assert found.pod_name
    assert found.terms == election.USUAL


def test_what_a_chart_sets_to_nothing_is_not_set(read: Callable[..., Settings]) -> None:
    found = read(namespace="", kubeconfig="", watch_namespaces="")
    assert (found.namespace, found.kubeconfig, found.watch_namespaces) == (None, None, ())


def test_namespaces_have_commas_between_them(read: Callable[..., Settings]) -> None:
    assert read(watch_namespaces="a, b,c,").watch_namespaces == ("a", "b", "c")


def test_times_are_seconds_or_iso(read: Callable[..., Settings]) -> None:
    found = read(lease_duration="30", lease_deadline="PT20S")
    assert found.terms.duration == timedelta(seconds=30)
    assert found.terms.deadline == timedelta(seconds=20)


def test_all_wrong_variables_are_named_and_no_value_is_shown(read: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError) as caught:
        read(port="geheim", log_format="xml", workers="0")
    said = str(caught.value)
    for name in ("PORT", "LOG_FORMAT", "WORKERS"):
        assert f"{PREFIX}{name}" in said
    assert "geheim" not in said
    assert "\n" not in said


def test_times_of_the_lease_that_do_not_rise_are_refused(read: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="LEASE"):
        read(lease_duration="5", lease_deadline="10")


def test_a_line_of_json_has_everything_on_one_line() -> None:
    error = ValueError("two\nlines")
    found = (ValueError, error, None)
    record = logging.LogRecord("it", logging.ERROR, "f", 1, "ünd %s", ("so",), found)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert said["message"] == "ünd so"
    assert said["level"] == "error"
    assert said["time"].endswith("+00:00")
    assert "two\nlines" in said["exception"]


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize("format", ["text", "json"])
def test_lines_go_to_standard_error(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(format, "info")
    logging.getLogger("cloudflow_operator").info("hello")
    logging.getLogger("cloudflow_operator").debug("whisper")
    logging.getLogger("kopf.x").info("chatter")
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert "hello" in line
    assert line.startswith("{") == (format == "json")


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_kubeconfig_that_is_not_there_is_one_clear_line(
    read: Callable[..., Settings], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cloudflow_operator.main import main

    read(kubeconfig=str(tmp_path / "none"), namespace="plant")
    assert main() == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "CRITICAL" in line
    assert str(tmp_path / "none") in line


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_wrong_variable_is_one_clear_line(
    read: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from cloudflow_operator.main import main

    monkeypatch.setenv(f"{PREFIX}PORT", "x")
    assert main() == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"{PREFIX}PORT" in line
