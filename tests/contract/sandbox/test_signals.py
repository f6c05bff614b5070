"""Ctrl-C, a second Ctrl-C and SIGTERM, also while user code hangs or blocks."""

from __future__ import annotations

import signal

import pytest

from support.sandbox import PROJECTS, Sandbox

FOLDER = PROJECTS / "orders"
ONE = ("--feed", "orders=one.jsonl")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_the_end_is_good(number: signal.Signals) -> None:
    running = Sandbox("faults.yaml", "--only", "endless,steady", folder=FOLDER)
    running.until("Running")
    running.send(number)
    outcome = running.end()
    assert outcome.status == 0
    assert "Draining; Ctrl-C again stops at once." in outcome.stderr
    assert "Stopped as asked." in outcome.stderr
    assert "Not finished" not in outcome.stderr


def test_a_signal_after_a_failure_ends_with_a_failure() -> None:
    running = Sandbox("faults.yaml", "--only", "always", *ONE, folder=FOLDER)
    running.until("starts again")
    running.send(signal.SIGINT)
    outcome = running.end()
    assert outcome.status == 1
    assert "Failed: always" in outcome.stderr


def test_the_drain_waits_for_its_time_and_says_what_is_left() -> None:
    drain = "cloudflow.streamlets.sleeper.config.drain-timeout=300ms"
    running = Sandbox("faults.yaml", drain, "--only", "sleeper", *ONE, folder=FOLDER)
    running.until("sleeping")
    running.send(signal.SIGINT)
    outcome = running.end()
    assert outcome.status == 0
    assert "Not finished: sleeper.in leaves 1 record." in outcome.stderr


def test_a_second_signal_stops_at_once() -> None:
    running = Sandbox("faults.yaml", "--only", "sleeper", *ONE, folder=FOLDER)
    running.until("sleeping")
    running.send(signal.SIGINT)
    running.until("Draining")
    running.send(signal.SIGINT)
    outcome = running.end()
    assert outcome.status == 130
    assert "Stopped at once" in outcome.stderr


def test_a_second_signal_stops_a_handler_that_holds_up_the_loop() -> None:
    forever = "cloudflow.streamlets.blocker.config-parameters.seconds=1000"
    running = Sandbox("faults.yaml", forever, "--only", "blocker", *ONE, folder=FOLDER)
    assert "Blocker.take holds up the event loop" in running.until("holds up")
    running.send(signal.SIGINT)
    running.until("Draining")
    running.send(signal.SIGINT)
    assert running.end().status == 130


def test_a_streamlet_that_never_starts_does_not_keep_it_alive() -> None:
    running = Sandbox("faults.yaml", "--only", "hanging", folder=FOLDER)
    running.until("hanging hanging")
    running.send(signal.SIGTERM)
    assert running.end().status == 0


def test_stdin_that_stays_open_does_not_keep_it_alive() -> None:
    running = Sandbox("--only", "till", "--feed", "checked=-", folder=FOLDER)
    running.write('{"id": "a", "amount": 1}\n')
    running.until("a makes 1")
    running.send(signal.SIGINT)
    assert running.end().status == 0
