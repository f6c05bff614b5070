"""What waits for others for ever, and holds nobody up; last here, as the wait is a part of it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from support.case import message_of, until_running
from support.installed_application import Installed

if TYPE_CHECKING:
    from support.case import Case


async def test_acc_01_a_value_from_that_is_missing_is_told_and_holds_nobody_up(case: Case) -> None:
    one = Installed(case.kube, case.bed.waiting)
    found = await one.until(
        lambda found: "Secret nowhere" in message_of(found), "the status to name the Secret"
    )
    assert found["status"]["phase"] == "Pending"
    await until_running(await case.deploy())
    status, _ = await asyncio.to_thread(case.bed.operator.answer, "/healthz")
    assert status == HTTPStatus.OK
