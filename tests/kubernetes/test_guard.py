"""What the test bed does before there is a server: whose cluster it takes, what it ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from testbed import kubeconfig
from testbed.binaries import ASSETS, KubernetesUnavailableError, program
from testbed.kubeconfig import NAMED, ForeignClusterError
from testbed.kubernetes import EXISTING, running, without_controllers
from testbed.process import DidNotStartError, Process, end_recorded

if TYPE_CHECKING:
    from pathlib import Path

SLEEPS = "import time; print('awake', flush=True); time.sleep(600)"


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (EXISTING, NAMED, ASSETS):
        monkeypatch.delenv(name, raising=False)


def a_kubeconfig(folder: Path, current: str) -> Path:
    """One with two contexts, as people have them."""
    names = (current, "production")
    made = {
        "current-context": current,
        "contexts": [
            {"name": name, "context": {"cluster": f"{name}-c", "user": f"{name}-u"}}
            for name in names
        ],
        "clusters": [
            {"name": f"{name}-c", "cluster": {"certificate-authority": "ca.pem"}} for name in names
        ],
        "users": [{"name": f"{name}-u", "user": {"client-key": "/keys/k.pem"}} for name in names],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(made))
    return file


# Whose cluster


@pytest.mark.parametrize("name", ["production", "minicube", ""])
def test_a_cluster_that_is_not_said_to_be_for_tests_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ForeignClusterError, match="CLOUDFLOW_TEST_CONTEXT"):
        kubeconfig.pinned(a_kubeconfig(tmp_path, name))


@pytest.mark.parametrize("name", ["kind-here", "minikube", "the-testbed-of-ann"])
def test_a_cluster_whose_name_says_so_is_taken(tmp_path: Path, name: str) -> None:
    assert kubeconfig.pinned(a_kubeconfig(tmp_path, name))["current-context"] == name


def test_a_cluster_is_taken_by_its_exact_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_kubeconfig(tmp_path, "staging")
    monkeypatch.setenv(NAMED, "stag")
    with pytest.raises(ForeignClusterError):
        kubeconfig.pinned(file)
    monkeypatch.setenv(NAMED, "staging")
    assert kubeconfig.pinned(file)["current-context"] == "staging"


def test_a_named_cluster_is_used_from_a_copy_that_knows_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_kubeconfig(tmp_path, "kind-here")
    monkeypatch.setenv(EXISTING, str(file))
    with running() as copy:
        file.unlink()
        found: dict[str, Any] = yaml.safe_load(copy.read_text())
    assert "production" not in str(found)
    assert found["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")
    assert found["users"][0]["user"]["client-key"] == "/keys/k.pem"
    assert without_controllers() == ""


# Whose programs


def test_given_programs_are_all_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("etcd").touch()
    monkeypatch.setenv(ASSETS, str(tmp_path))
    assert program("etcd") == tmp_path / "etcd"
    with pytest.raises(KubernetesUnavailableError, match=ASSETS):
        program("kube-apiserver")
    assert "kube-controller-manager" in without_controllers()


def test_without_go_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KubernetesUnavailableError, match="there is no go"):
        program("etcd")


# Processes


def a_process(folder: Path, *code: str) -> Process:
    made = folder / "part"
    return Process(
        made,
        (sys.executable, "-c", *code, str(made)),
        lambda: "awake" in made.joinpath("log").read_text(),
    )


def test_a_process_starts_again_after_each_way_to_end_it(tmp_path: Path) -> None:
    part = a_process(tmp_path, SLEEPS)
    for end in (part.stop, part.kill):
        part.start()
        part.pause()
        assert part.is_alive
        end()
        assert not part.is_alive
    part.restart()
    assert part.is_alive
    part.kill()


def test_a_process_that_ends_at_once_did_not_start(tmp_path: Path) -> None:
    with pytest.raises(DidNotStartError, match=r"part did not start: .*too bad"):
        a_process(tmp_path, "import sys; sys.exit('too bad')").start()


def test_only_recorded_processes_of_the_folder_are_ended(tmp_path: Path) -> None:
    part = a_process(tmp_path, SLEEPS)
    part.start()
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.DEVNULL)
    try:
        other = tmp_path / "other"
        other.mkdir()
        other.joinpath("pid").write_text(str(stranger.pid))
        end_recorded(tmp_path)
        assert not part.is_alive
        assert stranger.poll() is None
    finally:
        part.kill()
        stranger.kill()
        stranger.wait()
