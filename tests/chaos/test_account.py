"""The checker itself: it would see each kind of damage."""

from __future__ import annotations

import pytest

from chaos.account import Account, Found, Topics, account, longest_standstill


def found(*numbers: int, partition: int = 0) -> list[Found]:
    """Records of one partition; even and odd numbers have a key each."""
    return [
        Found(number, partition, offset, b"%d" % (number % 2), 0)
        for offset, number in enumerate(numbers)
    ]


def judged(
    *outputs: int,
    dead: tuple[int, ...] = (),
    poison: tuple[int, ...] = (),
    deleted: tuple[int, ...] = (),
) -> Account:
    """The account of an input of 0 to 5."""
    return account(
        Topics(
            inputs=found(0, 1, 2, 3, 4, 5),
            outputs=found(*outputs),
            dead_letters=found(*dead),
            poison=frozenset(poison),
            deleted=frozenset(deleted),
        )
    )


def test_everything_once_and_in_order_keeps_every_promise() -> None:
    made = judged(0, 1, 2, 3, 4, 5)
    assert made.records == 6
    assert made.broken("exactly-once", bound=0, is_ordered=True) == []


def test_a_missing_record_is_lost() -> None:
    made = judged(0, 1, 2, 4, 5)
    assert made.lost == {3}
    said = ["1 lost: 3", "0 of them by the second streamlet"]
    assert made.broken("at-least-once", bound=0, is_ordered=True) == said
    assert made.broken("at-most-once", bound=0, is_ordered=True) == []


def test_what_was_deleted_before_it_was_read_is_expired_and_all_else_is_lost() -> None:
    made = judged(0, 1, 4, deleted=(1, 2))
    assert made.expired == {2}
    assert made.lost == {3, 5}


def test_a_repeated_record_is_a_duplicate_for_each_time_in_excess() -> None:
    made = judged(0, 1, 2, 1, 2, 1, 3, 4, 5)
    assert made.duplicates == 3
    assert made.broken("at-least-once", bound=3, is_ordered=True) == []
    assert made.broken("at-least-once", bound=2, is_ordered=True) != []
    assert made.broken("at-most-once", bound=3, is_ordered=True) != []


def test_a_record_that_is_both_written_and_dead_is_a_duplicate() -> None:
    assert judged(0, 1, 2, 3, 4, 5, dead=(3,)).duplicates == 1


def test_only_first_occurrences_of_a_key_count_for_the_order() -> None:
    assert judged(1, 0, 3, 2, 5, 4).reordered == 0
    assert judged(0, 2, 0, 2, 1, 3, 4, 5).reordered == 0
    assert judged(0, 4, 2, 1, 3, 5).reordered == 1


def test_poison_has_to_be_dead_and_nothing_else_may_be() -> None:
    assert judged(0, 1, 2, 4, 5, dead=(3,), poison=(3,)).misplaced == frozenset()
    assert judged(0, 1, 2, 4, 5, dead=(3,)).misplaced == {3}
    assert judged(0, 1, 2, 3, 4, 5, poison=(3,)).misplaced == {3}


def test_what_never_went_in_is_a_stranger() -> None:
    assert judged(0, 1, 2, 3, 4, 5, 6).strangers == {6}


@pytest.mark.parametrize("numbers", [(0, 0), (1, 0)])
def test_an_input_that_proves_nothing_is_refused(numbers: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="twice, or not in its turn"):
        account(Topics(inputs=found(*numbers), outputs=[], dead_letters=[]))


def test_a_standstill_counts_only_while_something_is_due() -> None:
    quiet = [(0.0, 0.1), (60.0, 60.5)]
    stuck = [(0.0, 0.1), (0.2, 7.1), (0.3, 7.2)]
    assert longest_standstill({0: quiet}) == pytest.approx(0.5)
    assert longest_standstill({0: quiet, 1: stuck}) == pytest.approx(6.9)


def test_what_was_before_does_not_count_as_a_standstill() -> None:
    pairs = [(0.0, 0.5), (1.0, 8.0)]
    assert longest_standstill({0: pairs}, since=2.0) == pytest.approx(6.0)
