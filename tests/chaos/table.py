"""The table of results, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.stage import Result

TITLES = (
    "scenario",
    "guarantee",
    "seed",
    "records",
    "lost",
    "expired",
    "duplicates",
    "allowed",
    "reordered",
    "exits",
    "standstill",
    "seconds",
)


def row(result: Result) -> tuple[str, ...]:
    """The cells of one result."""
    made = result.account
    counts = (
        made.records,
        len(made.lost),
        len(made.expired),
        made.duplicates,
        result.bound,
        made.reordered,
    )
    return (
        result.scenario,
        result.guarantee,
        str(result.seed),
        *(f"{count:,}" for count in (*counts, result.deaths)),
        f"{result.standstill:.1f} s",
        f"{result.seconds:.0f}",
    )


def table(results: Sequence[Result]) -> str:
    """All results, in Markdown."""
    rows = [TITLES, *(row(result) for result in results)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(TITLES))]
    lines = [
        "| " + " | ".join(c.ljust(width) for c, width in zip(cells, widths, strict=True)) + " |"
        for cells in rows
    ]
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([lines[0], rule, *lines[1:]])
