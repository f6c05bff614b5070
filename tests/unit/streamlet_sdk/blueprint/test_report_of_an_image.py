"""`python -m streamlet_sdk.blueprint`: what an image says of the classes in it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from cloudflow_cli import VERSION
from streamlet_sdk.blueprint.descriptor import Descriptor
from streamlet_sdk.blueprint.problems.loading import PackageMissing
from streamlet_sdk.blueprint.problems.registry import from_entry
from streamlet_sdk.contract import CONTRACT

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
print("said while it is imported")
from streamlet_sdk import Inlet, Streamlet

class Sink(Streamlet):
    in_ = Inlet(bytes)

    @in_.each
    def drop(self, value: bytes) -> None:
        pass
"""


def reported(folder: Path, *classes: str) -> dict[str, object]:
    command = [sys.executable, "-m", "streamlet_sdk.blueprint", *classes]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_it_tells_versions_descriptors_and_problems_and_nothing_that_users_print(
    tmp_path: Path,
) -> None:
    (tmp_path / "plant.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("import a_package_of_nobody\n")
    report = reported(tmp_path, "plant.Sink", "broken:Nothing")
    assert (report["sdk"], report["contract"]) == (VERSION, CONTRACT)
    descriptors, problems = report["descriptors"], report["problems"]
    assert isinstance(descriptors, dict)
    assert isinstance(problems, list)
    assert [*descriptors] == ["plant.Sink"]
    assert Descriptor.model_validate(descriptors["plant.Sink"]).class_name == "plant:Sink"
    (problem,) = map(from_entry, problems)
    assert isinstance(problem, PackageMissing)
    assert problem.package == "a_package_of_nobody"
