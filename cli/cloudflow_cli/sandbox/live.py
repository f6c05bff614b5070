"""Shows how the streamlets are doing: a live table on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from cloudflow_cli.sandbox.logs import speaker
from cloudflow_cli.sandbox.status import COUNTED, Status, statuses

if TYPE_CHECKING:
    from rich.table import Table

    from cloudflow_cli.sandbox.logs import Log
    from streamlet_sdk.local.application import LocalApplication

logger = logging.getLogger(__name__)

REFRESHES_A_SECOND: Final = 4
LINES_EVERY_SECONDS: Final = 10.0


def is_terminal() -> bool:
    """Whether people look at stderr as it is written."""
    return sys.stderr.isatty()


@asynccontextmanager
async def view(application: LocalApplication, log: Log) -> AsyncIterator[None]:
    """Show how the streamlets are doing until the block ends."""
    if is_terminal():
        with _table_below(application, log):
            yield
        return
    telling = asyncio.get_running_loop().create_task(_lines(application))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait((telling,))


@contextmanager
def _table_below(application: LocalApplication, log: Log) -> Iterator[None]:
    """Keep a table below the log on the terminal."""
    # Imported here: whoever writes into a pipe or a file does not wait for it.
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    began = time.monotonic()

    def made() -> Table:
        return _table(list(statuses(application)), time.monotonic() - began)

    def above(text: str) -> None:
        console.print(text, end="", markup=False, highlight=False, soft_wrap=True)

    showing = Live(
        console=console,
        get_renderable=made,
        refresh_per_second=REFRESHES_A_SECOND,
        redirect_stdout=False,
        transient=True,
    )
    with showing, log.through(above):
        yield


def _table(rows: list[Status], seconds: float) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, caption=f"{seconds:.0f} s · Ctrl-C stops", caption_justify="left")
    for title in ("streamlet", "state"):
        made.add_column(title, no_wrap=True)
    for _, title, _ in COUNTED:
        made.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        style = "yellow" if row.state.startswith("restarting") else None
        made.add_row(row.streamlet, row.state, *map(str, row.counts), style=style)
    return made


async def _lines(application: LocalApplication) -> None:
    """Log what each streamlet has done, now and then, if it has done more since."""
    before: dict[str, Status] = {}
    while True:
        await asyncio.sleep(LINES_EVERY_SECONDS)
        for status in statuses(application):
            if before.get(status.streamlet) != status and status.sentence:
                speaker.set(status.streamlet)
                logger.info("%s: %s", status.state, status.sentence)
            before[status.streamlet] = status
