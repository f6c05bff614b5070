from __future__ import annotations

import os
import sys

import pytest

from cloudflow_cli import completion
from cloudflow_cli.app import COMMANDS


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


def complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-cloudflow", *words])
    completion.main()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], list(COMMANDS)),
        (["ver"], ["verify", "version"]),
        (["version", "-o", ""], ["table", "json", "yaml"]),
        (["version", "--cl"], ["--client"]),
        (["verify", ""], []),
        (["it's", '"'], []),
    ],
)
def test_kubectl_is_offered_what_may_come_next(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    expected: list[str],
) -> None:
    *offered, directive = complete(monkeypatch, capsys, *words)
    assert offered == expected
    assert directive == ":0"
