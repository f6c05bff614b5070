"""What user code may do while it is imported, and what becomes of it. Starts real processes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.blueprint.describe import describe_classes
from streamlet_sdk.blueprint.problems.loading import ClassProblem

if TYPE_CHECKING:
    from pathlib import Path

    from streamlet_sdk.blueprint.descriptor import Descriptor

GOOD = """
from streamlet_sdk import Inlet, Outlet, Streamlet

class Good(Streamlet):
    out = Outlet(bytes)

class Outer:
    class Inner(Streamlet):
        out = Outlet(bytes)

class Bad(Streamlet):
    in_ = Inlet(bytes)

def function(): ...
"""


def described(
    source: Path, *names: str, seconds: float = 20
) -> tuple[dict[str, Descriptor], dict[str, ClassProblem]]:
    """Descriptors, and the one problem of each class without."""
    descriptors, problems = describe_classes(names, source, timedelta(seconds=seconds))
    by_class = {one.class_name: one for one in problems if isinstance(one, ClassProblem)}
    assert len(by_class) == len(problems)
    return descriptors, by_class


def write(source: Path, **modules: str) -> None:
    for name, text in modules.items():
        file = source / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def test_classes_are_described_under_the_names_that_were_asked_for(tmp_path: Path) -> None:
    write(tmp_path, good=GOOD)
    descriptors, problems = described(tmp_path, "good.Good", "good:Good", "good:Outer.Inner")
    assert problems == {}
    assert {name: one.class_name for name, one in descriptors.items()} == {
        "good.Good": "good:Good",
        "good:Good": "good:Good",
        "good:Outer.Inner": "good:Outer.Inner",
    }


def test_each_class_has_its_own_problem_and_hides_no_other(tmp_path: Path) -> None:
    write(
        tmp_path,
        good=GOOD,
        raises="print('noise')\nraise ValueError('no such turbine')",
        exits="import sys\nsys.exit('bye')",
        syntax="def f(:\n",
        package="import no_such_package",
        one="import two\nclass A: pass\n",
        two="from one import A\n",
        lazy="def __getattr__(name):\n    raise OSError('disk')\n",
    )
    names = [
        *("good.Good", "good.Bad", "good.Godo", "good.function", "good.Outer", "god.Good"),
        *("raises.X", "exits.X", "syntax.X", "package.X", "one.A", "lazy.X", "not a class"),
    ]
    descriptors, problems = described(tmp_path, *names)
    assert list(descriptors) == ["good.Good"]
    assert {name: type(one).__name__ for name, one in problems.items()} == {
        "good:Bad": "InletWithoutHandler",
        "good:Godo": "ClassMissing",
        "good:function": "NotAStreamlet",
        "good:Outer": "NotAStreamlet",
        "god:Good": "ModuleMissing",
        "raises:X": "ImportFailed",
        "exits:X": "ImportExited",
        "syntax:X": "ImportFailed",
        "package:X": "PackageMissing",
        "one:A": "CyclicImport",
        "lazy:X": "DescribeFailed",
    }
    assert (problems["good:Godo"].suggestion, problems["god:Good"].suggestion) == ("Good", "good")
    assert "'no_such_package', imported at package.py:1," in problems["package:X"].sentence
    assert "one.py, two.py" in problems["one:A"].sentence
    raised = problems["raises:X"]
    assert "ValueError: no such turbine at raises.py:2" in raised.sentence
    assert "raises.py" in raised.detail
    assert "importlib" not in raised.detail
    assert "syntax.py:1" in problems["syntax:X"].sentence


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("import os\nos._exit(7)", "status 7"),
        ("import os\nos.kill(os.getpid(), 9)", "signal 9 (Killed)"),
    ],
)
def test_a_process_that_is_ended_costs_the_classes_of_one_module(
    tmp_path: Path, text: str, ending: str
) -> None:
    write(tmp_path, good=GOOD, crash=f"print('last words', flush=True)\n{text}")
    descriptors, problems = described(tmp_path, "crash.A", "good.Good", "crash.B")
    assert list(descriptors) == ["good.Good"]
    assert [type(one).__name__ for one in problems.values()] == ["ImportCrashed"] * 2
    assert ending in problems["crash:A"].sentence
    assert "last words" in problems["crash:A"].detail


def test_an_import_that_never_ends_is_ended_and_says_where_it_was(tmp_path: Path) -> None:
    write(tmp_path, good=GOOD, hangs="import threading\nthreading.Event().wait()")
    descriptors, problems = described(tmp_path, "hangs.A", "good.Good", seconds=2)
    assert list(descriptors) == ["good.Good"]
    assert type(problems["hangs:A"]).__name__ == "ImportTimedOut"
    assert "hangs.py" in problems["hangs:A"].detail


def test_threads_that_user_code_leaves_behind_hold_nothing_up(tmp_path: Path) -> None:
    waiting = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    write(tmp_path, good=waiting + GOOD)
    assert list(described(tmp_path, "good.Good")[0]) == ["good.Good"]


def test_schema_files_are_found_beside_the_module_and_packages_by_their_path(
    tmp_path: Path,
) -> None:
    text = (
        "from streamlet_sdk import Outlet, Streamlet\n"
        "class A(Streamlet):\n    out = Outlet(avro='metric.avsc')\n"
    )
    write(tmp_path, plant____init__="", plant__turbines=text)
    schema = '{"type": "record", "name": "Metric", "fields": []}'
    (tmp_path / "plant" / "metric.avsc").write_text(schema, "utf-8")
    descriptors, problems = described(tmp_path, "plant.turbines.A", "plant.turbine.A")
    assert descriptors["plant.turbines.A"].outlets[0].schema_value.name == "Metric"
    assert problems["plant.turbine:A"].suggestion == "plant.turbines"


def test_the_current_directory_hides_no_module_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "here", good="raise ValueError('the wrong one')")
    write(tmp_path / "source", good=GOOD)
    monkeypatch.chdir(tmp_path / "here")
    assert list(described(tmp_path / "source", "good.Good")[0]) == ["good.Good"]
