"""The life of a pod's process: read the contract, run the streamlet, drain on SIGTERM.

It ends with status 0 when it was asked to, otherwise with 1 and the reason as the log's last line.
Only a broker that is away is waited for; all else is Kubernetes' to start again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import traceback
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamlet_sdk.blueprint.extraction import Extraction
from streamlet_sdk.errors import CloudflowError, ProblemsError
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.failures import raised_at
from streamlet_sdk.runtime.memory import settle_collector
from streamlet_sdk.runtime.pod import logs
from streamlet_sdk.runtime.pod.files import FOLDER, contract
from streamlet_sdk.runtime.pod.pod import Pod
from streamlet_sdk.runtime.pod.probes import PORT

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from types import FrameType

    from streamlet_sdk.runtime.pod.files import Contract
    from streamlet_sdk.streamlet import Streamlet

logger = logging.getLogger("streamlet_sdk.runtime")

REPLICA: Final = "CLOUDFLOW_REPLICA"
"""The variable with the pod's name; the host's name, which is the same in a pod, without it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the streamlet that the files describe; the process's exit status."""
    asked = _arguments(arguments)
    signal.signal(signal.SIGTERM, _leave)
    replica = os.environ.get(REPLICA) or socket.gethostname()
    logs.configure(asked.log_format, asked.log_level, {"replica": replica})
    with Attempt() as life:
        told = contract(asked.config)
        labels = {"replica": replica, "streamlet": told.config.streamlet}
        logs.configure(
            asked.log_format, asked.log_level, {"application": told.config.application, **labels}
        )
        cls = Extraction(Path.cwd()).imported(told.config.class_name)
        asyncio.run(_run(cls, told, replica, asked.port))
    if life.error is not None:
        _explain(life.error)
        return 1
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once while nothing runs yet; the first process of a container has to do it itself."""
    del number, frame
    # Not by an exception: the code that is imported meanwhile could take it for its own.
    os._exit(0)


async def _run(cls: type[Streamlet], told: Contract, replica: str, port: int) -> None:
    pod = Pod(cls, told, replica)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, pod.stop.wish)
    settle_collector()
    await pod.run(port)


def _arguments(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(
        prog="python -m streamlet_sdk.runtime", description="Run one streamlet, as its pod does."
    )
    say = parser.add_argument
    say("--config", type=Path, default=FOLDER, help="folder of the contract (%(default)s)")
    say("--port", type=int, default=PORT, help="of probes and metrics; 0: a free one (%(default)s)")
    say("--log-format", choices=logs.FORMATS, default="json", help="(%(default)s)")
    say("--log-level", choices=logs.LEVELS, default="info", help="(%(default)s)")
    return parser.parse_args(arguments)


def _explain(error: Exception) -> None:
    """Log why the process ends; the last line alone must say it."""
    if isinstance(error, ProblemsError):
        first, *others = error.problems
        for problem in others:
            logger.error("%s", _one_line(str(problem)))
        more = f" (and {len(others)} more, above)" if others else ""
        logger.critical("The configuration cannot be used: %s%s", _one_line(str(first)), more)
        return
    if isinstance(error, CloudflowError):
        cause = error.__cause__
        if cause is not None and not isinstance(cause, CloudflowError):
            logger.error("What caused the end:", exc_info=cause)
        hint = f" ({error.hint})" if error.hint else ""
        logger.critical("%s%s", _one_line(str(error)), hint)
        return
    logger.error("What caused the end:", exc_info=error)
    place = raised_at(error) or _last_line(error)
    logger.critical("%s: %s at %s", type(error).__name__, _one_line(str(error)), place)


def _last_line(error: Exception) -> str:
    """File and line where nobody's code but ours and that of packages was involved."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "no line that is known"


def _one_line(text: str) -> str:
    return " ".join(text.split())
