"""The one boundary between the engine and code of a user's that may raise anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from streamlet_sdk.errors import DeliveryError

if TYPE_CHECKING:
    from types import TracebackType


class Attempt:
    """Keeps an exception instead of letting it pass; cancellation and Ctrl-C do pass.

    Code that calls `sys.exit` has failed like any other: it must not end the process unheard.

    Whoever uses it must look at `error`: nothing is logged or counted here.
    """

    __slots__ = ("error",)

    def __init__(self) -> None:
        """Nothing was raised yet."""
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> bool:
        """Keep `error` if it is an ordinary exception, or an exit."""
        if isinstance(error, SystemExit):
            self.error = DeliveryError(f"the code called sys.exit({error.code!r})")
            self.error.__cause__ = error
            return True
        if isinstance(error, Exception):
            self.error = error
            return True
        return False
