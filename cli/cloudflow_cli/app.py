"""The table of commands. `main` runs it; the module of a command is imported when it is called."""

from __future__ import annotations

import builtins
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand
from typer.main import get_command

from cloudflow_cli.command import Command, Group

# kubectl finds plug-ins by this name; completion scripts are made for it.
PROGRAM: Final = "kubectl-cloudflow"

# In the order of a project's life. The summary is the first line of the command's docstring,
# repeated here so that the list of commands imports none of them.
COMMANDS: Final = {
    "init": "Make a new project that runs at once.",
    "verify": "Check a project's blueprint and report every problem in it.",
    "graph": "Draw how the streamlets of a project are connected.",
    "sandbox": "Run the whole application here, on a broker of its own.",
    "build": "Build the image of a project, and write its application resource.",
    "deploy": "Put an application on a cluster, or make the one that is there like this one.",
    "plan": "Show what `deploy` would change, streamlet by streamlet, and what would restart.",
    "scale": "Set how many pods streamlets have; all of them in one write.",
    "configure": (
        "Set configuration of streamlets over what the application says, and show the difference."
    ),
    "configuration": "Show the configuration that an application runs with.",
    "update-docker-credentials": "Store what an application's images are pulled with.",
    "list": "List the applications of a namespace, or of all.",
    "status": "Show how an application is, and what is wrong.",
    "logs": "Show what the pods of an application write, all in one.",
    "pause": "Stop all pods of an application and keep everything else.",
    "resume": "Run a paused application again, with the pods that it had.",
    "restart": "Replace the pods of an application, or of some of its streamlets.",
    "undeploy": "Remove an application; its topics stay unless they are asked for.",
    "doctor": "Look whether a cluster has all that applications need, and tell what to do.",
    "version": "Show the versions of this command line and of the operator, and whether they fit.",
}


class Commands(Group):
    """All commands by name; each is a stand-in with a summary until it is called."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that `args` name, and the arguments that are left for it."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest


def load(name: str) -> Any:
    """The command `name`: the function of that name in the module of that name."""
    module_name = name.replace("-", "_")
    # A function that would hide one of Python's own has an underscore at its end.
    function_name = module_name + "_" * hasattr(builtins, module_name)
    function = getattr(import_module(f"cloudflow_cli.commands.{module_name}"), function_name)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, cls=Command)(function)
    return get_command(app)


def program() -> Any:
    """The whole command line as one command."""
    app = typer.Typer(
        name=PROGRAM,
        cls=Commands,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.callback()(cloudflow)
    return get_command(app)


def cloudflow() -> None:
    """Write streamlets in Python, wire them in a blueprint, run the application.

    Examples:
        kubectl cloudflow init my-project
        kubectl cloudflow verify my-project
        kubectl cloudflow COMMAND --help
    """


def help_text(name: str | None = None) -> str:
    """The help of a command, or the one of all commands, as on a terminal of 80 columns."""
    everything = program()
    options = {"resilient_parsing": True, "terminal_width": 80}
    root = everything.make_context(PROGRAM, [], **options)
    if name is None:
        return str(root.get_help()) + "\n"
    return str(load(name).make_context(name, [], parent=root, **options).get_help()) + "\n"


def run() -> None:
    """Run what the process was called with, and exit."""
    program().main(prog_name=PROGRAM)
