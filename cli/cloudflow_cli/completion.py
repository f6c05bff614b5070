"""Completes `kubectl cloudflow …`: kubectl runs `kubectl_complete-cloudflow` on <TAB>.

kubectl passes the words after the plug-in's name, the last one unfinished, and wants one completion
per line and then `:` with a number: https://github.com/kubernetes/kubectl, `pkg/cmd/plugin`.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from typing import Final

# cobra's ShellCompDirectiveDefault: where nothing is offered, names of files are.
_FILES_TOO: Final = ":0"


def main() -> None:
    """Write what may stand in the place of the last word."""
    from cloudflow_cli.app import PROGRAM, run

    words = [PROGRAM, *sys.argv[1:]]
    variable = "_" + PROGRAM.replace("-", "_").upper() + "_COMPLETE"
    os.environ |= {
        variable: "complete_bash",
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    offered = io.StringIO()
    with contextlib.redirect_stdout(offered), contextlib.suppress(SystemExit):
        run()
    lines = [line for line in offered.getvalue().splitlines() if line]
    sys.stdout.write("".join(f"{line}\n" for line in [*lines, _FILES_TOO]))
