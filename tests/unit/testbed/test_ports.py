from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from testbed import ports

ASKING = """
import sys
from testbed import ports
candidates = iter(range(int(sys.argv[1]), 65_000))
ports.random.choice = lambda _: next(candidates)
print(ports.free_ports(1)[0])
"""
TESTS = Path(__file__).resolve().parents[2]


def test_no_two_are_the_same() -> None:
    found = [*ports.free_ports(40), *ports.free_ports(40)]
    assert len(set(found)) == 80


def test_what_one_process_was_given_no_other_is_given() -> None:
    first = ports.free_ports(1)[0]
    done = subprocess.run(
        [sys.executable, "-c", ASKING, str(first)],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) > first
