from __future__ import annotations

import pytest

from cloudflow_cli.errors import UsageError
from cloudflow_cli.sandbox import ports


def test_replicas_have_ports_of_their_own() -> None:
    first = ports.choose({"probe": 1}, ports.FREE)["probe"]
    assert ports.HIGHEST_PORT >= first > 0
    chosen = ports.choose({"one": 2, "two": 3}, ports.FREE)
    assert not set(range(chosen["one"], chosen["one"] + 2)) & set(
        range(chosen["two"], chosen["two"] + 3)
    )


def test_there_is_no_port_above_the_highest() -> None:
    with pytest.raises(UsageError, match="no port 65536 for 'two'"):
        ports.choose({"none": 0, "two": 2}, ports.HIGHEST_PORT)
