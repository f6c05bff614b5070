"""What importing the ingress costs, and what it says when its packages are missing."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_STARLETTE = """
import importlib.util

find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "starlette" else find(name, *rest)
"""


def run(source: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", source]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_declaring_a_server_loads_no_web_server() -> None:
    source = "import sys, streamlet_sdk.ingress; print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in run(source).stdout.split()}
    assert "streamlet_sdk" in loaded
    assert not loaded & {"starlette", "uvicorn", "h11", "anyio"}


def test_a_missing_package_is_named_by_its_extra() -> None:
    done = run(f"{WITHOUT_STARLETTE}\nimport streamlet_sdk.ingress")
    assert done.returncode == 1
    assert "MissingExtraError: an HTTP server needs more packages" in done.stderr
    assert "cloudflow-streamlets[http]" in done.stderr
