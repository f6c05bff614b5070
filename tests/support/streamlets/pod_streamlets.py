"""What the pods of tests run: each class does one thing that a pod has to live with."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Parameter, Reject, Retry, Streamlet

logger = logging.getLogger(__name__)


class Copy(Streamlet):
    """Passes records on, but for one."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    reject = Parameter(str, default="", description="What is given up.")

    @in_.each
    def take(self, data: bytes) -> Emission[bytes]:
        """One record for each."""
        if data.decode() == self.reject:
            raise Reject("it was asked for")
        return self.out(data)


class Slow(Streamlet):
    """Passes records on, each after a while."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def take(self, data: bytes) -> Emission[bytes]:
        """One record for each."""
        await asyncio.sleep(0.05)
        return self.out(data)


class Hang(Streamlet):
    """Never comes to an end."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def take(self, data: bytes) -> Emission[bytes]:
        """Wait for something that does not come."""
        logger.info("Hang has it")
        await asyncio.Event().wait()
        return self.out(data)


class Block(Streamlet):
    """Holds up the event loop until a file is there."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    gate = Parameter(str, description="The file.")

    @in_.each
    def take(self, data: bytes) -> Emission[bytes]:
        """Wait as nobody should."""
        while not Path(self.gate).exists():
            time.sleep(0.02)
        return self.out(data)


class Stop(Streamlet):
    """Ends at the first record."""

    in_ = Inlet(bytes, delivery=Delivery(retry=Retry(attempts=1), on_exhausted="stop"))
    out = Outlet(bytes)

    @in_.each
    def take(self, data: bytes) -> Emission[bytes]:
        """Fail."""
        raise ValueError(f"no good: {len(data)}")


class Guarded(Streamlet):
    """Has a secret and says whether it was told it."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    token = Parameter(str, secret=True, description="What is compared.")

    @in_.each
    def take(self, data: bytes) -> Emission[bytes]:
        """Compare."""
        return self.out(b"known" if data.decode() == self.token else b"unknown")
