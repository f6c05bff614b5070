"""Runs what was asked for, from the project's files to the summary; called by the command."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudflow_cli import render
from cloudflow_cli.sandbox.banner import banner
from cloudflow_cli.sandbox.feeding import RecordFile
from cloudflow_cli.sandbox.hosting import host
from cloudflow_cli.sandbox.logs import OnTerminal, kept_stdout, logging_to_stderr
from cloudflow_cli.sandbox.prepared import prepare
from cloudflow_cli.sandbox.request import IDLE
from cloudflow_cli.sandbox.session import Session, Tapped
from cloudflow_cli.sandbox.sink import Sink, Target, opened
from cloudflow_cli.sandbox.stop import Limit, Stop, Why
from cloudflow_cli.sandbox.wire import Codecs
from streamlet_sdk.runtime.memory import settle_collector

if TYPE_CHECKING:
    from io import FileIO

    from cloudflow_cli.options import Common
    from cloudflow_cli.sandbox.logs import Log
    from cloudflow_cli.sandbox.prepared import Prepared
    from cloudflow_cli.sandbox.request import Request
    from cloudflow_cli.sandbox.summary import Summary

logger = logging.getLogger(__name__)

# After the drain: servers close connections, taps catch up. Whoever needs longer is stuck.
PATIENCE: Final = timedelta(seconds=15)


def run(request: Request, common: Common) -> Summary:
    """Run the application until it ends or somebody ends it.

    Raises:
        CloudflowError: when it cannot even be started.
    """
    with kept_stdout() as stdout, logging_to_stderr(verbose=common.verbose) as log:
        prepared = prepare(request)
        try:
            return _run(prepared, request, common, stdout=stdout, log=log)
        finally:
            _tidy(prepared)


def _run(
    prepared: Prepared, request: Request, common: Common, *, stdout: FileIO, log: Log
) -> Summary:
    hosted = host(prepared, request)
    codecs = Codecs(prepared, hosted.application.cluster)
    for topic in (*(each.topic for each in request.feeds), *(t.topic for t in request.taps)):
        hosted.topic(topic)  # there has to be one
    feeds = [RecordFile(each, codecs.writer(each.topic)) for each in request.feeds]
    for feed in feeds:
        feed.check()
    stop = _stop(prepared, request, log)
    shared = stdout.isatty() and sys.stderr.isatty()
    to_stdout = _sink(Path("stdout"), OnTerminal(log) if shared else stdout, stop)
    tapped = [
        Tapped(
            codecs.shown(each.topic, is_enveloped=request.is_tap_enveloped),
            _sink(each.path, opened(each.path), stop) if each.path else to_stdout,
        )
        for each in request.taps
    ]
    render.warnings(prepared.running.warnings, prepared.project.blueprint, common)
    render.note(banner(prepared, request, hosted.ground.title) + "\n")
    log.fit(prepared.names)
    session = Session(
        hosted=hosted, stop=stop, log=log, until=request.until, feeds=feeds, tapped=tapped
    )
    settle_collector()
    with stop.watched():
        return asyncio.run(session.run())


def _stop(prepared: Prepared, request: Request, log: Log) -> Stop:
    longest = max(config.settings.drain_timeout for config in prepared.configs.values())
    limit = None
    if isinstance(request.until, timedelta):
        limit = Limit(request.until, Why.TIME)
    elif request.until == IDLE and request.timeout is not None:
        limit = Limit(request.timeout, Why.TIMEOUT)
    return Stop(longest + PATIENCE, limit, log.say)


def _sink(name: Path, target: Target, stop: Stop) -> Sink:
    def failed(error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            stop.ask(Why.UNREAD)
            return
        logger.error("Cannot write tapped records to %s: %s", name, error.strerror or error)
        stop.ask(Why.TAP)

    return Sink(name, target, failed)


def _tidy(prepared: Prepared) -> None:
    """Remove the temporary folders that nobody wrote to; say where the others are."""
    for mount in prepared.mounts:
        if not mount.is_temporary:
            continue
        if any(mount.path.iterdir()):
            render.note(f"Kept {mount.path}, which {mount.streamlet} wrote to.")
        else:
            mount.path.rmdir()
