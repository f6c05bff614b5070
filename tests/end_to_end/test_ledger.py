"""The ledger sees damage wherever pieces are cut."""

from __future__ import annotations

from chaos.account import Found
from support.ledger import Ledger

KEY = b"key"


def found(number: int) -> Found:
    """A record of the only lane and key."""
    return Found(number, 0, number, KEY, 1000 * number)


def a_ledger(*numbers: int, into: int) -> Ledger:
    """One that saw 0 and up to `into` go in, and `numbers` come out, a second after each other."""
    ledger = Ledger(1)
    for number in range(into):
        ledger.went_in(found(number))
    for now, number in enumerate(numbers):
        ledger.came_out(found(number), float(now))
    return ledger


def test_what_is_not_due_yet_is_not_lost() -> None:
    ledger = a_ledger(0, 1, into=4)
    assert ledger.is_through([1])
    assert not ledger.is_through([2])
    assert not ledger.close([1], 0.0).account.lost
    assert ledger.close([3], 0.0).account.lost == {2, 3}


def test_what_is_lost_is_said_once_and_waited_for_no_more() -> None:
    ledger = a_ledger(0, into=2)
    assert ledger.close([1], 0.0).account.lost == {1}
    assert ledger.is_through([1])
    assert not ledger.close([1], 0.0).account.lost


def test_every_piece_has_its_own_records() -> None:
    ledger = a_ledger(0, 1, 2, 3, into=4)
    assert [ledger.close([1], 0.0).account.records, ledger.close([3], 0.0).account.records] == [
        2,
        2,
    ]


def test_a_record_that_was_accounted_for_is_a_duplicate_when_it_comes_again() -> None:
    ledger = a_ledger(0, 1, into=2)
    assert ledger.close([1], 0.0).account.duplicates == 0
    ledger.came_out(found(0), 9.0)
    made = ledger.close([1], 0.0).account
    assert (made.duplicates, made.strangers) == (1, frozenset())


def test_a_record_that_came_too_early_is_seen_when_the_piece_is_cut_between() -> None:
    ledger = a_ledger(1, 0, into=2)
    assert ledger.close([0], 0.0).account.reordered == 1


def test_what_came_out_before_it_was_seen_to_go_in_is_no_stranger() -> None:
    ledger = a_ledger(0, into=0)
    ledger.went_in(found(0))
    made = ledger.close([0], 0.0)
    assert (made.account.strangers, made.account.lost, made.most_behind) == (
        frozenset(),
        frozenset(),
        0,
    )


def test_what_never_went_in_is_a_stranger() -> None:
    assert a_ledger(0, 1, into=1).close([1], 0.0).account.strangers == {1}


def test_a_dead_letter_is_waited_for_no_more_and_is_misplaced() -> None:
    ledger = a_ledger(0, into=2)
    ledger.died(found(1))
    assert ledger.is_through([1])
    assert ledger.close([1], 0.0).account.misplaced == {1}


def test_the_worst_backlog_is_told_of_each_piece() -> None:
    ledger = a_ledger(0, 1, 2, into=4)
    assert [ledger.close([2], 0.0).most_behind, ledger.close([3], 0.0).most_behind] == [4, 1]


def test_a_standstill_counts_from_the_last_arrival_or_the_beginning() -> None:
    ledger = Ledger(1)
    for number, out in ((0, 0.5), (1, 8.0)):
        ledger.went_in(found(number))
        ledger.came_out(found(number), out)
    assert ledger.close([1], since=2.0).standstill == 6.0
