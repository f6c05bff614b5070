"""What the page about HTTP shows works as it says."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from streamlet_sdk.contract import Settings
from streamlet_sdk.ingress.web import WebServer
from support.documents import code_blocks
from support.ingress import NDJSON, ask
from support.sources import ROOT

PAGE = ROOT / "docs" / "concepts" / "http.md"


@pytest.fixture
def server() -> WebServer:
    namespace: dict[str, Any] = {"__name__": "metrics"}
    exec("\n".join(code_blocks(PAGE, "python")), namespace)
    reader = TypeAdapter(namespace["Metric"]).validate_json
    return WebServer(namespace["Metrics"](), Settings(), {"out": reader})


async def test_the_streamlet_of_the_page_takes_records(server: WebServer) -> None:
    assert (await ask(server, b'{"device": "a", "power": 1.7}')).json() == {"records": 1}


async def test_the_route_of_the_page_writes(server: WebServer) -> None:
    answer = await ask(server, b"1.7", target="PUT /devices/a/power")
    assert (answer.status, answer.json()) == (201, {"offset": 0})


async def test_the_answer_of_the_page_is_given(server: WebServer) -> None:
    body = b'{"device":"a","power":1}\n{"device":"b","power":1}\n{"device":"c"}\n'
    (shown,) = code_blocks(PAGE, "json")
    told = (await ask(server, body, headers=NDJSON)).body
    assert TypeAdapter(Any).validate_json(shown) == TypeAdapter(Any).validate_json(told)


async def test_the_limits_of_the_page_are_the_settings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `http-")]
    aliases = {field.alias for field in Settings.model_fields.values()}
    assert set(names) == {alias for alias in aliases if alias and alias.startswith("http-")}
