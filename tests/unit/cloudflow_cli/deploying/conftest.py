from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.cli import CommandLine
from support.deploying import a_server
from support.kube_server import serve

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube_server import FakeServer


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> CommandLine:
    """The command line, called in an empty folder, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("KUBECTL_CLOUDFLOW_OUTPUT_FORMAT", raising=False)
    return CommandLine(capsys)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """The cluster that commands talk to: an operator and nothing else."""
    made = a_server()
    serve(monkeypatch, made)
    return made
