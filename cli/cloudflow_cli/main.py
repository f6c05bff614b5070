"""Where the command `kubectl-cloudflow` starts.

Nothing is imported at the top: the table of commands knows what each one needs. Errors become exit
codes in `cloudflow_cli.command`; only what keeps the command line from starting is met here.
"""

from __future__ import annotations

import sys
from typing import Final

# What the extra `cli` brings; without it the command is installed all the same.
EXTRA: Final = frozenset({"hocon", "kubernetes", "rich", "starlette", "typer", "uvicorn", "yaml"})


def main() -> None:
    """Run the command line and exit.

    Raises:
        SystemExit: always; the status is one of `cloudflow_cli.exits.Exit`.
    """
    try:
        from cloudflow_cli.app import run

        run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        sys.exit(
            f"kubectl-cloudflow needs {error.name}, which is not installed. "
            "Install the command line with all it needs: pip install 'cloudflow-streamlets[cli]'"
        )
