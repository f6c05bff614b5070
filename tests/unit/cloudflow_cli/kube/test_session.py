"""Which cluster a command talks to, and what is offered on <TAB>."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli import completion
from cloudflow_cli.errors import NotFoundError, UsageError
from cloudflow_cli.exits import Exit
from cloudflow_cli.kube import session
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_cli.options import Common
from cloudflow_operator.errors import ClusterUnavailableError
from support.kube_server import an_application

if TYPE_CHECKING:
    from pathlib import Path

    from support.cli import CommandLine
    from support.kube_server import FakeServer


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where nothing is, and no variable says anything."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


def a_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_the_usual_file_is_read_when_nothing_is_said(home: Path) -> None:
    usual = a_file(home / ".kube" / "config")
    assert session.kubeconfigs(Common()) == [usual]


def test_the_variable_lists_files_and_those_that_are_not_there_are_left_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_file(home / ".kube" / "config")
    one, two = a_file(home / "one"), a_file(home / "two")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(one), "~/missing", "", "~/two"]))
    assert session.kubeconfigs(Common()) == [one, two]


def test_an_option_wins_over_the_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = a_file(home / "named")
    monkeypatch.setenv("KUBECONFIG", str(a_file(home / "other")))
    assert session.kubeconfigs(Common(kubeconfig=named)) == [named]
    with pytest.raises(UsageError, match="missing"):
        session.kubeconfigs(Common(kubeconfig=home / "missing"))


def test_in_a_pod_the_own_account_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="There is no kubeconfig"):
        session.kubeconfigs(Common())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert session.kubeconfigs(Common()) is None


def test_without_a_kubeconfig_a_command_says_where_it_looked(cli: CommandLine, home: Path) -> None:
    outcome = cli("list")
    assert outcome.status == Exit.NOT_FOUND
    assert str(home / ".kube" / "config") in outcome.err


# Completion


def complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[list[str], str]:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-cloudflow", *words])
    completion.main()
    out, err = capsys.readouterr()
    return out.splitlines()[:-1], err


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["status", ""], ["sensor-data", "sorter"]),
        (["status", "sen"], ["sensor-data"]),
        (["status", "-n", "mill", ""], ["grinder"]),
        (["-n", "mill", "status", ""], ["grinder"]),
        (["logs", "sensor-data", ""], ["in", "validation"]),
        (["restart", "sensor-data", "in", "val"], ["validation"]),
        (["restart", "nothing", ""], []),
    ],
)
def test_applications_and_streamlets_are_offered(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: FakeServer,
    words: list[str],
    offered: list[str],
) -> None:
    server.put(an_application())
    server.put(an_application("sorter"))
    server.put(an_application("grinder", "mill"))
    assert complete(monkeypatch, capsys, *words) == (offered, "")


def test_a_cluster_that_is_away_offers_nothing_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: FakeServer
) -> None:
    server.failures["list", APPLICATION] = ClusterUnavailableError("list x", "no route")
    assert complete(monkeypatch, capsys, "status", "") == ([], "")
