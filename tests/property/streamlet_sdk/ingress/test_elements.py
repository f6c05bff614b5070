"""However a body is cut into chunks, its elements are those of a JSON parser."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from streamlet_sdk.ingress.elements import (
    ArrayElements,
    ElementError,
    ElementTooLargeError,
    Lines,
    Splitter,
)

NO_LIMIT = 1 << 30
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
CUTS = st.lists(st.integers(min_value=0, max_value=400))
BLANKS = st.text(alphabet=" \t\r\n", max_size=3)
# Text that is nearly an array: every mark that the splitter looks at, in any order.
NEARLY_JSON = st.lists(
    st.sampled_from(
        ["[", "]", "{", "}", ",", ":", '"', "\\", '\\"', '"a"', "1", " ", "\n", "true", '{"k":1}']
    ),
    max_size=25,
).map("".join)


def chunks(body: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(at)]


def elements(splitter: Splitter, body: bytes, cuts: list[int]) -> list[Any]:
    found: list[Any] = []
    for chunk in chunks(body, cuts):
        found.extend(json.loads(element) for element in splitter.feed(chunk))
    found.extend(json.loads(element) for element in splitter.finish())
    return found


@given(
    values=st.lists(VALUES), cuts=CUTS, blank=BLANKS, form=st.sampled_from(["escaped", "as it is"])
)
@example(values=['\\"', "\\"], cuts=list(range(40)), blank="", form="escaped")
def test_an_array_gives_the_elements_of_a_parser(
    values: list[Any], cuts: list[int], blank: str, form: str
) -> None:
    separators = (f"{blank},{blank}", f"{blank}:{blank}")
    text = json.dumps(values, separators=separators, ensure_ascii=form == "escaped")
    body = (blank + text[0] + blank + text[1:-1] + blank + text[-1] + blank).encode()
    assert elements(ArrayElements(NO_LIMIT), body, cuts) == values


@given(text=NEARLY_JSON, cuts=CUTS)
@example(text="1,]", cuts=[])
@example(text=",]", cuts=[])
@example(text="]]", cuts=[2])
@example(text="1}", cuts=[])
@example(text='"', cuts=[])
@example(text='"\\', cuts=[2])
def test_what_no_parser_takes_is_refused_and_nothing_else(text: str, cuts: list[int]) -> None:
    body = "[" + text
    try:
        expected = json.loads(body)
    except ValueError:
        expected = None
    try:
        found = elements(ArrayElements(NO_LIMIT), body.encode(), cuts)
    except ValueError:
        found = None
    assert found == expected


@given(values=st.lists(VALUES), cuts=CUTS, ends=st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines_give_the_records_of_a_parser(values: list[Any], cuts: list[int], ends: str) -> None:
    body = ends.join(json.dumps(value) for value in values).encode()
    assert elements(Lines(NO_LIMIT), body, cuts) == values


@given(body=st.binary(max_size=200), cuts=CUTS, limit=st.integers(min_value=1, max_value=20))
def test_never_more_than_the_limit_and_one_chunk_is_kept(
    body: bytes, cuts: list[int], limit: int
) -> None:
    for splitter in (Lines(limit), ArrayElements(limit)):
        try:
            for chunk in chunks(body, cuts):
                for element in splitter.feed(chunk):
                    assert len(element) <= limit
                assert len(splitter._partial) <= limit
        except (ElementError, ElementTooLargeError):
            pass
