"""Numbers of test beds: nobody has another's, and none is lost for good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.require import missing
from testbed import claims, packages
from testbed.claims import Claim, claimed, sweep
from testbed.packages import NodeUnavailableError


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        missing("node", "only root may lock numbers of the whole machine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def left_to_stay() -> Claim:
    with claimed() as claim:
        claim.stay()
    return claim


def test_two_that_claim_have_different_numbers() -> None:
    with claimed() as one, claimed() as other:
        assert one.number != other.number


def test_a_number_is_one_for_the_whole_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with claimed() as one:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
        with claimed() as other:
            assert one.number != other.number


def test_a_claim_that_ends_is_cleared() -> None:
    with claimed() as claim:
        assert claim.folder.exists()
    assert not claim.folder.exists()


def test_what_is_claimed_is_not_swept() -> None:
    with claimed() as claim:
        sweep(stayed=True)
        assert claim.folder.exists()


def test_what_nobody_claims_is_swept() -> None:
    with claimed() as claim:
        pass
    claim.folder.mkdir()
    sweep()
    assert not claim.folder.exists()


def test_what_stays_is_swept_by_name_only() -> None:
    claim = left_to_stay()
    sweep()
    assert claim.folder.exists()
    sweep(stayed=True)
    assert not claim.folder.exists()


def test_what_another_clone_lets_stay_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = left_to_stay()
    with monkeypatch.context() as patch:
        patch.setattr(claims, "CLONE", Path("/elsewhere"))
        sweep(stayed=True)
    assert claim.folder.exists()
    sweep(stayed=True)


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NodeUnavailableError, match="only root"):
        packages.check()


def test_missing_programs_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packages.PACKAGES, "/usr/lib/cni/absent", "some-package")
    with pytest.raises(NodeUnavailableError, match=r"apt-get install .* some-package"):
        packages.check()
