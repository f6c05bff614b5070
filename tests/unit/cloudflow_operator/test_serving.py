"""What probes and scrapes are answered, by a real server on a free port."""

from __future__ import annotations

import aiohttp
import pytest

from cloudflow_operator.serving import Answers, serving


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_verdict_gives_its_reasons(path: str) -> None:
    reasons: list[str] = []
    other: list[str] = ["never asked"]
    answers = Answers(
        why_unhealthy=lambda: reasons if path == "/healthz" else other,
        why_unready=lambda: reasons if path == "/readyz" else other,
        metrics=lambda: b"",
    )
    async with serving(answers, 0, "127.0.0.1") as port, aiohttp.ClientSession() as session:
        where = f"http://127.0.0.1:{port}{path}"
        async with session.get(where) as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        reasons[:] = ["first", "second"]
        async with session.get(where) as answer:
            assert (answer.status, await answer.text()) == (503, "first\nsecond\n")


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    answers = Answers(why_unhealthy=list, why_unready=list, metrics=lambda: b"up 1\n")
    async with serving(answers, 0, "127.0.0.1") as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert await answer.text() == "up 1\n"
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 404


async def test_a_port_that_is_taken_is_an_error() -> None:
    answers = Answers(why_unhealthy=list, why_unready=list, metrics=lambda: b"")
    async with serving(answers, 0, "127.0.0.1") as port:
        with pytest.raises(OSError, match="in use"):
            async with serving(answers, port, "127.0.0.1"):
                pass
