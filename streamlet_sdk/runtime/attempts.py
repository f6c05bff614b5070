"""The one boundary between the engine and code of a user's that may raise anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Attempt:
    """Keeps an exception instead of letting it pass; cancellation and exits do pass.

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
        """Keep `error` if it is an ordinary exception."""
        if isinstance(error, Exception):
            self.error = error
            return True
        return False
