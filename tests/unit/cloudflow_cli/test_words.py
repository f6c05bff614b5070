from __future__ import annotations

import pytest

from cloudflow_cli.errors import UsageError
from cloudflow_cli.words import document


def test_words_become_one_document_of_texts() -> None:
    assert document(["a.b=1", 'a."c.d"=x=y', "e=", "f.g=true"]) == {
        "a": {"b": "1", "c.d": "x=y"},
        "e": "",
        "f": {"g": "true"},
    }


def test_the_last_of_equal_keys_wins() -> None:
    assert document(["a.b=1", "a.b=2"]) == {"a": {"b": "2"}}


@pytest.mark.parametrize("word", ["a", "=1", "a..b=1", ".a=1", "a.=1", 'a."b=1', "a b=1", ""])
def test_what_is_no_key_and_value_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="is not KEY=VALUE"):
        document([word])


@pytest.mark.parametrize("words", [["a=1", "a.b=2"], ["a.b=1", "a=2"]])
def test_a_key_is_not_both_a_value_and_a_section(words: list[str]) -> None:
    with pytest.raises(UsageError, match="both a value and a section"):
        document(words)
