"""Commands as people run them: processes that find our plug-in beside kubectl."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGES = os.pathsep.join(map(str, (ROOT, ROOT / "cli", ROOT / "operator")))
PLUG_IN = "kubectl-cloudflow"


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it wrote to stdout, read as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """A folder with kubectl and our plug-in on its path, and a kubeconfig.

    Attributes:
        variables: further ones of the environment.
    """

    folder: Path
    kubectl: Path
    kubeconfig: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def as_whom(self, kubeconfig: Path) -> Shell:
        """The same with another kubeconfig."""
        return replace(self, kubeconfig=kubeconfig)

    async def __call__(self, command: str, *, stdin: str = "") -> Ended:
        """Run a command to its end."""
        process = await self.start(command, asyncio.subprocess.PIPE)
        try:
            out, err = await process.communicate(stdin.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def start(
        self, command: str, stdin: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        """Start a command."""
        self._install()
        path = os.pathsep.join((str(self.folder), str(self.kubectl.parent), os.environ["PATH"]))
        return await asyncio.create_subprocess_exec(
            *["/usr/bin/env", *shlex.split(command)],
            cwd=self.folder,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                **self.variables,
                "PATH": path,
                "KUBECONFIG": str(self.kubeconfig),
            },
        )

    def _install(self) -> None:
        file = self.folder / PLUG_IN
        if file.exists():  # another command may be reading it
            return
        code = "from cloudflow_cli.main import main; main()"
        script = f"#!/bin/sh\nPYTHONPATH={PACKAGES} exec {sys.executable} -c '{code}' \"$@\"\n"
        file.write_text(script)
        file.chmod(0o755)
