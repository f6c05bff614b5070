"""Lets the tests of all examples run in one go: each example's source is found."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = sorted(str(source) for source in Path(__file__).parent.glob("*/src"))
