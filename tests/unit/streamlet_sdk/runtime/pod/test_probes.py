"""Probes answer on a real port of the loopback interface, whoever else holds a connection."""

from __future__ import annotations

import http.client
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.runtime.pod import probes
from streamlet_sdk.runtime.pod.probes import Probes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment


@dataclass
class Patient:
    """Whatever a test says of it."""

    ill: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)

    def why_not_alive(self) -> Iterable[str]:
        return iter(self.ill)

    def why_not_ready(self) -> Iterable[str]:
        return iter(self.busy)


def metrics(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"up 1\n"]


@contextmanager
def serving(patient: Patient) -> Iterator[int]:
    made = Probes(patient, metrics, 0)
    made.start()
    try:
        yield made.port
    finally:
        made.stop()


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_healthy_pod_says_so_on_every_path() -> None:
    with serving(Patient()) as port:
        assert ask(port, "/livez") == (200, "ok\n")
        assert ask(port, "/readyz?verbose") == (200, "ok\n")
        assert ask(port, "/metrics") == (200, "up 1\n")


def test_every_reason_is_a_line_and_each_path_has_its_own() -> None:
    with serving(Patient(ill=["stuck"], busy=["no broker", "no topic ä"])) as port:
        assert ask(port, "/livez") == (503, "stuck\n")
        assert ask(port, "/readyz") == (503, "no broker\nno topic ä\n")


def test_another_path_says_what_is_here() -> None:
    with serving(Patient()) as port:
        status, text = ask(port, "/health")
    assert status == 404
    assert "/livez" in text


def test_clients_that_say_nothing_hold_nobody_up() -> None:
    with serving(Patient()) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        assert ask(port, "/livez") == (200, "ok\n")
        for each in silent:
            each.close()


def test_a_client_that_says_nothing_is_let_go_without_a_word_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probes._Handler, "timeout", 0.05)
    with serving(Patient()) as port, socket.create_connection(("127.0.0.1", port)) as silent:
        silent.settimeout(5)
        assert silent.recv(1) == b""  # the server hung up
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_an_error() -> None:
    with serving(Patient()) as port, pytest.raises(OSError, match="in use"):
        Probes(Patient(), metrics, port)
