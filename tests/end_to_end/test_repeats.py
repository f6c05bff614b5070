"""What is told of repeated records is enough to find out who repeated them."""

from __future__ import annotations

from chaos.account import Found
from support.repeats import told


def found(number: int, offset: int, partition: int = 0) -> Found:
    """A record that went in `number` seconds after the epoch."""
    return Found(number, partition, offset, b"key", 1000 * number)


def test_nothing_is_told_where_nothing_is_repeated() -> None:
    assert told([found(1, 0), found(2, 1)]) == []


def test_bursts_are_told_with_how_often_and_where() -> None:
    some = [found(1, 0), found(2, 1), found(1, 2), found(2, 3), found(1, 4), found(9, 0, 1)]
    first, second = told([*some, found(9, 1, 1)])
    assert first == (
        "3 records again that went in from 00:00:01.000 to 00:00:02.000 "
        "(1 of them 1 x, 1 of them 2 x; partition 0 at 2 to 4)"
    )
    assert second == (
        "1 records again that went in from 00:00:09.000 to 00:00:09.000 "
        "(1 of them 1 x; partition 1 at 1 to 1)"
    )
