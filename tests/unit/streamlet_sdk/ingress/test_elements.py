"""What the splitters refuse, and where they say it is."""

from __future__ import annotations

import pytest

from streamlet_sdk.ingress.elements import (
    ArrayElements,
    ElementError,
    ElementTooLargeError,
    Lines,
)


@pytest.mark.parametrize(
    ("body", "position", "message"),
    [
        (b"[1,2", 1, "not closed"),
        (b"[", 0, "not closed"),
        (b"", 0, "not closed"),
        (b'["a', 0, "not closed"),
        (b"[1,,2]", 1, "missing"),
        (b"[1,]", 1, "missing"),
        (b"[,1]", 0, "missing"),
        (b"[1}", 0, "closes what was not opened"),
        (b"[1] [2]", 1, "after the end"),
        (b"{}", 0, "not a JSON array"),
    ],
)
def test_a_broken_array_is_refused_at_its_element(body: bytes, position: int, message: str) -> None:
    splitter = ArrayElements(100)
    with pytest.raises(ElementError, match=message):
        list(splitter.feed(body)) + list(splitter.finish())
    assert splitter.position == position


def test_the_elements_before_a_broken_one_are_given_first() -> None:
    elements = ArrayElements(100).feed(b"[1,2,,3]")
    assert [next(elements), next(elements)] == [b"1", b"2"]
    with pytest.raises(ElementError):
        next(elements)


def test_an_element_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert list(ArrayElements(5).feed(b'["abc",')) == [b'"abc"']
    with pytest.raises(ElementTooLargeError):
        list(ArrayElements(4).feed(b'["abc",'))


def test_an_endless_element_is_refused_before_its_end() -> None:
    splitter = ArrayElements(10)
    list(splitter.feed(b'["aaaaa'))
    with pytest.raises(ElementTooLargeError):
        list(splitter.feed(b"aaaaa"))


def test_blanks_around_elements_are_not_kept() -> None:
    splitter = ArrayElements(4)
    blanks = b" " * 100
    assert not list(splitter.feed(blanks + b"[" + blanks))
    assert list(splitter.feed(blanks + b"1,")) == [b"1"]
    assert not list(splitter.feed(blanks))


def test_lines_are_counted_blank_ones_too() -> None:
    splitter = Lines(100)
    seen = [(splitter.position, line) for line in splitter.feed(b"1\n\n  \r\n2\r\n3")]
    seen += [(splitter.position, line) for line in splitter.finish()]
    assert seen == [(1, b"1"), (4, b"2"), (5, b"3")]


def test_an_endless_line_is_refused_before_its_end() -> None:
    splitter = Lines(10)
    list(splitter.feed(b"1\naaaaaaaa"))
    with pytest.raises(ElementTooLargeError):
        list(splitter.feed(b"aaa"))
    assert splitter.position == 2
