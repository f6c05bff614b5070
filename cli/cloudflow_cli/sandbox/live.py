"""Shows how the streamlets are doing: a live table on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import deque
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

SHOW_SECONDS: Final = 0.1
REFRESH_SECONDS: Final = 0.25
LINES_EVERY_SECONDS: Final = 10.0


@asynccontextmanager
async def view(application: LocalApplication, log: Log) -> AsyncIterator[None]:
    """Show how the streamlets are doing until the block ends."""
    if sys.stderr.isatty():
        with _Screen(application).below(log):
            yield
        return
    telling = asyncio.get_running_loop().create_task(_lines(application))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait((telling,))


class _Screen:
    """A table below the log on a terminal, kept by a thread of its own.

    Each line of the log means that the table is drawn again; together they cost the application's
    loop nothing, however many there are.
    """

    def __init__(self, application: LocalApplication) -> None:
        # Imported here: whoever writes into a pipe or a file does not wait for it.
        from rich.console import Console
        from rich.live import Live

        self._application = application
        self._began = time.monotonic()
        self._log: deque[str] = deque()
        self._over = threading.Event()
        self._console = Console(stderr=True)
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            auto_refresh=False,
            redirect_stdout=False,
            transient=True,
        )

    @contextmanager
    def below(self, log: Log) -> Iterator[None]:
        """Keep the table until the block ends."""
        thread = threading.Thread(target=self._run, daemon=True, name="view")
        with self._live, log.through(self._log.append):
            thread.start()
            try:
                yield
            finally:
                self._over.set()
                thread.join()

    def _run(self) -> None:
        drawn_at = 0.0
        while not self._over.wait(SHOW_SECONDS):
            self._show_log()
            if time.monotonic() - drawn_at > REFRESH_SECONDS:
                self._live.refresh()
                drawn_at = time.monotonic()
        self._show_log()

    def _show_log(self) -> None:
        lines: list[str] = []
        while self._log:
            lines.append(self._log.popleft())
        if lines:
            self._console.out("".join(lines), end="", highlight=False)

    def _table(self) -> Table:
        return _table(list(statuses(self._application)), time.monotonic() - self._began)


def _table(rows: list[Status], seconds: float) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption=f"{seconds:.0f} s · Ctrl-C stops",
        caption_justify="left",
    )
    # On a narrow terminal these go on in the next line; of a number nothing may be left out.
    for title in ("streamlet", "state"):
        made.add_column(title, overflow="fold", min_width=len(title))
    for _, title, _ in COUNTED:
        made.add_column(title.replace(" ", "\n"), justify="right", no_wrap=True)
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
