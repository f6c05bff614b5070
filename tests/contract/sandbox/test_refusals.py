"""What the sandbox refuses before anything runs: each with what, where and what to do."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from support.sandbox import sandbox

if TYPE_CHECKING:
    from pathlib import Path


def test_an_endless_source_is_never_idle() -> None:
    outcome = sandbox("faults.yaml", "--only", "endless,steady", "--until", "idle")
    assert outcome.status == 2
    assert "the source 'sell' of 'endless' runs again and again, every 0.2 s" in outcome.stderr


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = sandbox("servers.yaml", "--port-base", port, "--until", "idle")
    assert outcome.status == 1
    assert f"Port {port}, for 'front', is in use." in outcome.stderr
    assert "--port-base" in outcome.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "checked"], "Did you mean 'checker'?"),
        (["--tap", "order"], "Did you mean 'orders'?"),
        (["--feed", "order=one.jsonl"], "Did you mean 'orders'?"),
        (["--feed", "orders"], "--feed orders: this is not TOPIC=FILE or TOPIC=@FILE."),
        (["--feed", "orders=-", "--feed", "checked=@-"], "Two feeds cannot both read stdin."),
        (["--tap", "orders=a", "--tap", "checked=./a"], "a is the file of another tap"),
        (
            ["--feed", "orders=a", "--tap", "checked=a"],
            "a is the file of another tap, or of a feed",
        ),
        (["-o", "json", "--tap", "orders"], "-o json writes the summary to stdout"),
        (["--until", "tomorrow"], "--until tomorrow:"),
        (["--until", "0s"], "--until 0s is no time at all."),
        (["--timeout", "3s"], "--timeout bounds `--until idle`, which was not given."),
        (["--port-base", "70000"], "--port-base 70000 is no port."),
        (["--volume-mount", "shelf=/tmp"], "this is not STREAMLET.MOUNT=FOLDER"),
        ([".", "a"], "'a' is not KEY=VALUE"),
        (["a=1", "a.b=1"], "the key is both a value and a section"),
    ],
)
def test_words_of_the_wrong_form_are_refused(words: list[str], said: str) -> None:
    outcome = sandbox(*words)
    assert outcome.status == 2
    assert said in outcome.stderr
    assert outcome.stdout == ""


def test_a_project_that_is_not_there_is_not_found() -> None:
    assert sandbox("nowhere").status == 5


def test_a_volume_mount_needs_its_folder(tmp_path: Path) -> None:
    outcome = sandbox(
        *("faults.yaml", "--only", "keeper"),
        *("--volume-mount", f"keeper.shelf={tmp_path / 'none'}"),
    )
    assert outcome.status == 2
    assert "There is no folder" in outcome.stderr


def test_flags_are_checked_as_configuration_is() -> None:
    outcome = sandbox(
        *("--replicas", "shop=2", "--partitions", "orders=many", "--volume-mount", "till.a=/"),
    )
    assert outcome.status == 3
    assert "2 replicas of 'shop' would each run the source 'sell'" in outcome.stderr
    assert "cloudflow.topics.orders.partitions: a whole number is needed" in outcome.stderr
    assert "the streamlet 'till' has no volume mount 'a'" in outcome.stderr


def test_problems_of_a_configuration_file_have_its_name_and_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "cloudflow:\n  streamlets:\n    checker:\n      config-parameters: {limit: x}\n"
    )
    outcome = sandbox("--config", file)
    assert outcome.status == 3
    assert f"{file}:4: cloudflow.streamlets.checker.config-parameters.limit:" in outcome.stderr
    assert sandbox("--config", tmp_path / "none.yaml").status == 3


def test_a_topic_of_several_schemas_cannot_be_fed_by_value() -> None:
    outcome = sandbox("wires.yaml", "--feed", "plain=one.jsonl", "--only", "shop")
    assert outcome.status == 2
    assert "There is no topic 'plain' here." in outcome.stderr


def test_user_code_that_fails_only_here_is_said_with_its_place(tmp_path: Path) -> None:
    package = tmp_path / "src"
    package.mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "odd"\nversion = "1"\n[tool.cloudflow]\n'
    )
    (tmp_path / "blueprint.yaml").write_text(
        "blueprint:\n  streamlets: {one: odd.One}\n  topics: {t: {producers: [one.out]}}\n"
    )
    (package / "odd.py").write_text(
        "import pathlib\nfrom streamlet_sdk import Outlet, Streamlet\n"
        "mark = pathlib.Path(__file__).with_name('mark')\n"
        "if mark.exists():\n    raise RuntimeError('only once')\n"
        "mark.touch()\n\n"
        "class One(Streamlet):\n    out = Outlet(int)\n"
    )
    outcome = sandbox(folder=tmp_path)
    assert outcome.status == 3
    assert "RuntimeError: only once" in outcome.stderr
    assert "odd.py:5" in outcome.stderr
