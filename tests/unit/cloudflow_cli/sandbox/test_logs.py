from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from cloudflow_cli.sandbox.logs import logging_to_stderr, speaker
from streamlet_sdk.errors import DeliveryError

if TYPE_CHECKING:
    import pytest


def lines(text: str) -> list[str]:
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


def test_every_line_has_the_name_of_who_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(verbose=False) as log:
        log.fit(["validation", "till"])
        logging.getLogger("streamlet.till").info("one\ntwo")
        logging.getLogger("users.own").warning("three %d", 3)
        speaker.set("validation")
        logging.getLogger("streamlet_sdk.runtime").info("four")
        speaker.set(None)
    assert lines(capsys.readouterr().err) == [
        "till       one",
        "till       two",
        "sandbox    warning: three 3",
        "validation four",
    ]


def test_a_wrong_log_call_of_a_user_hurts_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with logging_to_stderr(verbose=False):
        logging.getLogger("users.own").info("%d", "no number")
    assert capsys.readouterr().err == ""


def test_a_cause_stands_for_what_the_platform_made_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cause = ValueError("the cause")
    error = DeliveryError("what became of it")
    error.__cause__ = cause
    with logging_to_stderr(verbose=False):
        logging.getLogger("streamlet_sdk.local").error("It failed", exc_info=error)
    assert lines(capsys.readouterr().err) == [
        "sandbox error: It failed",
        "sandbox ValueError: the cause",
    ]
