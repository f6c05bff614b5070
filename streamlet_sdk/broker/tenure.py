"""The right to write under a lane's name: one transaction at a time, until someone newer comes.

`Cluster.tenure` hands it out and fences the earlier one; `EmbeddedLane` uses it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamlet_sdk.broker.log import Transaction
from streamlet_sdk.errors import FencedError, RejectedError

if TYPE_CHECKING:
    from datetime import timedelta


class Tenure:
    """One lane's hold on its name; `timeout` bounds each transaction."""

    def __init__(self, name: str, timeout: timedelta) -> None:
        self._name = name
        self._timeout = timeout
        self._is_fenced = False
        self._transaction: Transaction | None = None
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def transaction(self) -> Transaction:
        """The open transaction.

        Raises:
            FencedError: when the name belongs to a newer lane.
            RejectedError: when none is open.
        """
        self.require()
        if self._transaction is None:
            raise RejectedError(f"lane {self._name} has no transaction open", hint="call begin()")
        return self._transaction

    def require(self) -> None:
        """Go on only as the owner of the name.

        Raises:
            FencedError: when the name belongs to a newer lane.
        """
        if self._is_fenced:
            raise FencedError(f"lane {self._name} belongs to someone newer, or timed out")

    def begin(self) -> None:
        """Open a transaction.

        Raises:
            FencedError: when the name belongs to a newer lane.
            RejectedError: when one is open already.
        """
        self.require()
        if self._transaction is not None:
            raise RejectedError(f"lane {self._name} has a transaction open already")
        self._transaction = Transaction()
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(self._timeout.total_seconds(), self.fence)

    def end(self, *, aborted: bool) -> None:
        """Decide the open transaction, if there is one."""
        transaction, self._transaction = self._transaction, None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if transaction is not None:
            transaction.end(aborted=aborted)

    def fence(self) -> None:
        """Abort what is open and end the tenure for good."""
        self._is_fenced = True
        self.end(aborted=True)
