"""Every problem reads well: a whole sentence, a remedy, an example in the reference page."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.blueprint import catalogue
from streamlet_sdk.blueprint.catalogue import example, page
from streamlet_sdk.blueprint.problems.registry import problem_types

if TYPE_CHECKING:
    from streamlet_sdk.blueprint.problems.stated import Stated

TYPES = problem_types()


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_sentence_and_remedy_are_sentences(kind: type[Stated]) -> None:
    problem = example(kind)
    for text in (problem.sentence, problem.remedy):
        assert text.endswith(".")
        assert not re.search(r"\{\w*\}|\bNone\b|  ", text)
    assert problem.remedy[0].isupper()
    assert (inspect.getdoc(kind) or "").endswith(".")


def test_every_type_is_on_the_page() -> None:
    text = page()
    assert [name for name in TYPES if f"\n### {name}\n" not in text] == []


def test_no_example_is_of_a_type_that_does_not_exist() -> None:
    assert set(catalogue._OF_TYPE) <= set(TYPES)
