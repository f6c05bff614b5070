"""The folder that an image is built of: the same for the same source, and without secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.image.errors import ImageError
from cloudflow_cli.image.staging import EPOCH, contents, stage

if TYPE_CHECKING:
    from pathlib import Path


def a_source(root: Path) -> Path:
    source = root / "src"
    (source / "plant").mkdir(parents=True)
    (source / "plant" / "meter.py").write_text("x = 1\n")
    (source / "plant" / "run.sh").write_text("#!/bin/sh\n")
    (source / "plant" / "run.sh").chmod(0o700)
    return source


def staged(root: Path, **folders: Path) -> Path:
    return stage(root, contents("FROM scratch\n", "numpy\n", folders))


def facts(context: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time and content of everything."""
    return {
        path.relative_to(context).as_posix(): (
            path.stat().st_mode & 0o7777,
            int(path.stat().st_mtime),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (context, *context.rglob("*"))
    }


def test_times_and_permissions_are_always_the_same(tmp_path: Path) -> None:
    made = facts(staged(tmp_path, source=a_source(tmp_path)))
    assert made == {
        ".": (0o755, EPOCH, b""),
        "Dockerfile": (0o644, EPOCH, b"FROM scratch\n"),
        "requirements.txt": (0o644, EPOCH, b"numpy\n"),
        "source": (0o755, EPOCH, b""),
        "source/plant": (0o755, EPOCH, b""),
        "source/plant/meter.py": (0o644, EPOCH, b"x = 1\n"),
        "source/plant/run.sh": (0o755, EPOCH, b"#!/bin/sh\n"),
    }


def test_another_umask_and_a_later_edit_change_nothing(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    before = facts(staged(tmp_path, source=source))
    (source / "plant" / "meter.py").chmod(0o600)
    os.utime(source / "plant" / "meter.py", (1, 1))
    umask = os.umask(0o077)
    try:
        assert facts(staged(tmp_path, source=source)) == before
    finally:
        os.umask(umask)


def test_a_file_that_was_removed_is_gone(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    staged(tmp_path, source=source)
    (source / "plant" / "run.sh").unlink()
    assert not (staged(tmp_path, source=source) / "source" / "plant" / "run.sh").exists()


def test_what_is_hidden_or_made_by_python_stays_out(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    for name in (".env", "meter.pyc", "plant.egg-info/PKG-INFO", "__pycache__/meter.pyc"):
        file = source / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert [path.name for path in (staged(tmp_path, source=source) / "source").iterdir()] == [
        "plant"
    ]


def test_a_whole_project_comes_without_its_target_and_its_environment(tmp_path: Path) -> None:
    a_source(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "src" / "target").mkdir()
    names = {
        path.relative_to(tmp_path / "target" / "image" / "project").as_posix()
        for path in (staged(tmp_path, project=tmp_path) / "project").rglob("*")
    }
    assert names == {
        "pyproject.toml",
        "src",
        "src/plant",
        "src/plant/meter.py",
        "src/plant/run.sh",
        "src/target",
    }


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    (source / "model.bin").symlink_to("/nowhere/model.bin")
    with pytest.raises(ImageError, match=r"model\.bin"):
        staged(tmp_path, source=source)
