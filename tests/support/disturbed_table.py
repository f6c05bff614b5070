"""What disturbances did, as a table in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.disturbed import Row

TITLES: Final = (
    "what happens",
    "promise",
    "records",
    "lost",
    "duplicates",
    "allowed",
    "reordered",
    "standstill",
    "behind at most",
    "seconds",
)


def table(rows: Sequence[Row]) -> str:
    """One line for each way of each disturbance."""
    cells = [TITLES, tuple("-" * len(title) for title in TITLES), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    made = row.piece.account
    counts = (made.records, len(made.lost), made.duplicates, row.allowed, made.reordered)
    return (
        row.disturbance,
        row.promise.replace("-", " "),
        *(f"{count:,}" for count in counts),
        f"{row.piece.standstill:.1f} s",
        f"{row.piece.most_behind:,}",
        f"{row.seconds:.0f}",
    )
