"""What holds for every command: help with an example, common options, exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli import VERSION, command, options, render
from cloudflow_cli.app import COMMANDS, load
from cloudflow_cli.errors import DocumentError, NotFoundError, UsageError
from cloudflow_cli.exits import Exit, status
from streamlet_sdk.errors import BlueprintError, CloudflowError, DeliveryError, UnavailableError

if TYPE_CHECKING:
    from support.cli import CommandLine
    from support.golden import Golden

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    cli: CommandLine, golden: Golden, name: str
) -> None:
    outcome = cli(name, "--help")
    assert outcome.status == 0
    assert f"\nExamples:\n  kubectl cloudflow {name}" in outcome.out
    golden.check(f"help-{name}.txt", outcome.out)


def test_the_list_of_commands_shows_each_with_its_summary(cli: CommandLine, golden: Golden) -> None:
    outcome = cli("--help")
    assert outcome.status == 0
    golden.check("help.txt", outcome.out)


@pytest.mark.parametrize(("name", "summary"), COMMANDS.items())
def test_the_summary_of_a_command_is_the_first_line_of_its_help(name: str, summary: str) -> None:
    assert load(name).help.splitlines()[0] == summary


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_of_a_command_has_help(name: str) -> None:
    assert [param.name for param in load(name).params if not param.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_in_the_reference(name: str) -> None:
    assert f"\n## {name}\n" in (DOCS / "reference" / "cli.md").read_text("utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ["version", "--client", "-o", "json"],
        ["version", "--client", "-ojson"],
        ["version", "--client", "--output=json"],
        ["-o", "json", "version", "--client"],
        ["-o", "yaml", "version", "--client", "-o", "json"],
        ["-n", "plant", "version", "--context=c", "--kubeconfig=k", "-v", "-ojson", "--client"],
    ],
)
def test_common_options_stand_before_or_after_the_command(
    cli: CommandLine, words: list[str]
) -> None:
    assert cli(*words).data == {"client": VERSION}


def test_the_environment_says_the_output_format_unless_an_option_does(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(options.OUTPUT_VARIABLE, "yaml")
    assert cli("version", "--client").out == f"client: {VERSION}\n"
    assert cli("version", "--client", "-o", "json").data == {"client": VERSION}
    assert cli("version", "--client", "-o", "table").out == f"kubectl-cloudflow {VERSION}\n"


def test_an_unknown_output_format_in_the_environment_is_a_usage_error(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(options.OUTPUT_VARIABLE, "xml")
    outcome = cli("version")
    assert outcome.status == Exit.USAGE
    assert "KUBECTL_CLOUDFLOW_OUTPUT_FORMAT is 'xml'" in outcome.err


def test_options_reach_the_command_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(options.OUTPUT_VARIABLE, raising=False)
    given = {"namespace": "plant", "kubeconfig": "~/k", "output": "json", "context": None}
    assert options.from_environment().over(given) == options.Common(
        namespace="plant", kubeconfig=Path("~/k"), output=options.Output.JSON
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verfy"], "Did you mean 'verify'?"),
        (["version", "--clint"], "--clint"),
        (["version", "-o", "xml"], "'table', 'json', 'yaml'"),
        (["init"], "NAME"),
        (["verify", "a", "b"], "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_on_stderr(
    cli: CommandLine, words: list[str], said: str
) -> None:
    outcome = cli(*words)
    assert outcome.status == Exit.USAGE
    assert said in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CloudflowError("x"), Exit.FAILED),
        (DeliveryError("x"), Exit.FAILED),
        (UsageError("x"), Exit.USAGE),
        (BlueprintError([]), Exit.PROBLEMS),
        (DocumentError(Path("x"), []), Exit.PROBLEMS),
        (UnavailableError("x"), Exit.UNREACHABLE),
        (NotFoundError("x"), Exit.NOT_FOUND),
    ],
)
def test_every_error_has_its_exit_code(error: CloudflowError, code: Exit) -> None:
    assert status(error) == code


def failing(cli: CommandLine, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Any:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(render, "show", broken)
    return cli("version", "--client", "-v")


def test_an_error_is_told_with_its_hint_and_with_v_its_traceback(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = failing(cli, monkeypatch, CloudflowError("It broke.", hint="Mend it."))
    assert outcome.status == Exit.FAILED
    assert outcome.err.startswith("Error: It broke.\n  Mend it.\n")
    assert "Traceback (most recent call last)" in outcome.err


def test_a_defect_of_ours_is_not_hidden(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        failing(cli, monkeypatch, ZeroDivisionError())


def test_what_every_command_takes_is_listed_apart_in_help(cli: CommandLine) -> None:
    own, _, common = cli("version", "--help").out.partition("Options of every command:")
    assert "--client" in own
    assert "--namespace" in common
    assert command.EXAMPLES in own
