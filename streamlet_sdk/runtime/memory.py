"""Settles the garbage collector for a process that works for long.

By default it looks through young objects for cycles after every 700 new ones; a pipeline makes
that many in a millisecond, nearly all of them free of cycles, and would spend a third of its time
there. The operator would stand still while it looks through all that was imported. Whoever owns the
process calls this once: the sandbox, a pod, the operator, a benchmark.
"""

from __future__ import annotations

import gc

# New containers between two looks at the youngest; some 10 MB of records.
YOUNG = 50_000
GENERATIONS = 20


def settle_collector() -> None:
    """Leave what is loaded alone, and look for cycles less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, GENERATIONS, GENERATIONS)
