"""What the kits have in common: the life of what they run, and time."""

from __future__ import annotations

from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from streamlet_sdk.handlers import Source, roles
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.positions import POSITIONS_TOPIC
from streamlet_sdk.testing.asking import ask
from streamlet_sdk.testing.bench import Bench
from streamlet_sdk.testing.wire import found, unknown

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from types import TracebackType

    from streamlet_sdk.broker import EmbeddedBroker
    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.local.supervisor import Supervisor
    from streamlet_sdk.streamlet import Streamlet
    from streamlet_sdk.testing.asking import Answer, Question
    from streamlet_sdk.testing.bench import Design


class Kit:
    """Runs streamlets on the engine of a pod, in virtual time and without sockets.

    They start with the first call that needs them, and go on only while a call is under way.
    """

    def __init__(self) -> None:
        """Run nothing; a kit calls `_use` when it knows what."""
        self._folders = ExitStack()
        self._bench: Bench

    def __enter__(self) -> Self:
        """The kit; the end of the `with` block stops everything."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what failed and was not raised yet is raised now, or noted at the test's error.

        Raises:
            LeftBehindError: when tasks that a streamlet made still run.
        """
        with self._folders:
            if error is None:
                self._bench.close()
                return
            with Attempt() as end:
                self._bench.close()
            if end.error is not None:
                error.add_note(f"And when the kit was closed: {end.error!r}")

    def run(self, timeout: timedelta | None = None) -> None:
        """Go on until everything is processed: what was fed, with all retries and back-offs.

        Sources run until they are completed, or have to wait for their next run (`every`).

        Raises:
            Exception: what ended a streamlet or a source since the last call. With the next
                call it starts again, as the platform sees to.
            StillBusyError: when it takes longer than `timeout` (10 s), in real time.
        """
        self._bench.run(timeout)

    def advance(self, time: timedelta) -> None:
        """Let time pass, and everything happen that is due by then.

        Raises:
            Exception: what ended a streamlet or a source meanwhile.
            StillBusyError: when it takes longer than the kit's limit, in real time.
        """
        self._bench.advance(time)

    @property
    def now(self) -> datetime:
        """The time as the streamlets have it: that of records without one of their own."""
        return self._bench.now

    @property
    def broker(self) -> EmbeddedBroker:
        """The embedded broker, for its `faults`."""
        return self._bench.broker

    def restart(self) -> None:
        """Stop everything in good order and start it again, as a deployment does.

        Counters begin anew.

        Raises:
            Exception: what a streamlet's `stop` raises, or what ended it before.
        """
        self._bench.restart()

    def crash(self, who: str | None = None) -> None:
        """End replicas as `kill -9` would: nothing more is written, and nothing committed.

        Each comes back when time goes on, as a pod does. Only `stop` of the instance is called
        all the same, so that a test leaks nothing.

        Args:
            who: a streamlet, or one replica of it such as `validation-0`; everyone when absent.
        """
        replicas = self._bench.started().supervisors
        chosen = [one for one in replicas if who in {None, one.name, one.config.streamlet}]
        if not chosen:
            names = [one.name for one in replicas]
            raise LookupError(unknown("replica", who or "", names))
        self._bench.crash(chosen)

    # For the kits

    def _use(self, design: Design) -> None:
        self._bench = Bench(design)

    def _folder(self) -> str:
        return self._folders.enter_context(TemporaryDirectory(prefix="streamlet-kit-"))

    def _replicas(self, streamlet: str) -> list[Supervisor]:
        return self._bench.started().streamlets[streamlet].replicas

    def _instance(self, streamlet: str, replica: int) -> Streamlet:
        runner = self._replicas(streamlet)[replica].runner
        assert runner is not None
        assert runner.streamlet is not None
        return runner.streamlet

    def _ask(self, streamlet: str, question: Question) -> Answer:
        runner = self._replicas(streamlet)[0].runner
        server = runner.server if runner is not None else None
        if server is None:
            raise TypeError(f"{streamlet} is no server")
        return self._bench.call(lambda: ask(server, question))

    def _position(self, config: StreamletConfig, source: str, model: Any) -> Any:
        """The stored position of a source; None when there is none."""
        key = f"{config.namespace}.{config.application}.{config.streamlet}.{source}".encode()
        self._bench.started()
        if POSITIONS_TOPIC not in self.broker.topics:
            return None
        stored = [one.value for one in self._bench.records(POSITIONS_TOPIC) if one.key == key]
        return model.model_validate_json(stored[-1]) if stored else None


def source_role(cls: type[Streamlet], name: str) -> Source:
    """The source of a class that the method `name` is.

    Raises:
        LookupError: when it is none.
    """
    sources = {method: one for method, one in roles(cls).items() if isinstance(one, Source)}
    return found(sources, name, "source")
