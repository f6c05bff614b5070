"""Environments of the peers, outside of the clone: one for each version of their requirements."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from testbed.keeping import cache

PEERS = Path(__file__).with_name("peers")


def python(requirements: str) -> Path:
    """The interpreter of an environment that has what `peers/<requirements>` lists."""
    listed = PEERS / requirements
    version = "{}.{}".format(*sys.version_info)
    digest = hashlib.sha256(version.encode() + listed.read_bytes()).hexdigest()[:12]
    folder = cache() / f"bench-{listed.stem}-{digest}"
    interpreter = folder / "bin" / "python"
    ready = folder / ".ready"
    if ready.exists():
        return interpreter
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Installing what {listed.name} lists into {folder} ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [interpreter, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*install, "--requirement", listed], check=True)
    ready.touch()
    return interpreter
