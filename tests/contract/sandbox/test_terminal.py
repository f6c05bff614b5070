"""On a terminal: a table below the log, which tapped records share."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import pytest

from support.sandbox import PROJECTS, START

SHOW_CURSOR = "\x1b[?25h"
SIZE = (24, 80)  # lines and columns: the usual ones
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(*words: str, until: str, signals: int) -> tuple[int, str]:
    """Run on a terminal, send SIGINT when the pattern `until` is seen, give status and text."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    # These would count for more than the terminal; pytest's workers have them.
    inherited = {key: os.environ[key] for key in os.environ.keys() - {"COLUMNS", "LINES"}}
    running = subprocess.Popen(
        [sys.executable, "-c", START, "sandbox", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=PROJECTS / "orders",
        env={**inherited, "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    os.close(theirs)
    decode = codecs.getincrementaldecoder("utf-8")().decode  # reads end amid characters
    text = ""
    awaited = [until, "Draining"][:signals]
    try:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the terminal's other side is closed
                break
            text += decode(data)
            while awaited and re.search(awaited[0], ESCAPE.sub("", text)):
                awaited.pop(0)
                running.send_signal(signal.SIGINT)
        return running.wait(), text
    finally:
        running.kill()
        os.close(ours)


def test_a_table_is_kept_below_the_log_and_gone_at_the_end() -> None:
    status, text = on_a_terminal(
        *("faults.yaml", "--only", "endless,steady", "--tap", "done"),
        until=r"steady +running +[1-9]",
        signals=1,
    )
    assert status == 0
    shown = ESCAPE.sub("", text)
    assert re.search(r"streamlet +state +received +emitted +retried", shown)
    assert '{"id":"again","amount":1}' in shown
    assert "Draining; Ctrl-C again stops at once." in shown
    assert shown.rstrip().splitlines()[-1].startswith("Stopped as asked.")
    assert text.rindex(SHOW_CURSOR) < text.index("Stopped as asked.")


@pytest.mark.parametrize(
    ("streamlet", "said", "setting"),
    [
        ("sleeper", "sleeping", "config.drain-timeout=1h"),
        ("blocker", "blocking", "config-parameters.seconds=1000"),
    ],
)
def test_a_second_signal_gives_the_cursor_back(streamlet: str, said: str, setting: str) -> None:
    status, text = on_a_terminal(
        *("faults.yaml", f"cloudflow.streamlets.{streamlet}.{setting}"),
        *("--only", streamlet, "--feed", "orders=one.jsonl"),
        until=said,
        signals=2,
    )
    assert status == 130
    assert text.rindex(SHOW_CURSOR) < text.index("Stopped at once")
