"""Calling a user's handler: its shape, read once, and the outcomes it may have."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from pydantic import BaseModel

from streamlet_sdk.errors import DeliveryError
from streamlet_sdk.handlers import Each, Role, Step
from streamlet_sdk.records import Emission, Failure


class OutcomeError(DeliveryError):
    """A handler returned or yielded something that is no outcome; a bug of the user's."""


class Handler:
    """A bound handler and what must be known to call it fast.

    Attributes:
        call: the bound method.
        name: `Class.method`, for people.
        wants_record: whether it takes the record, or the records, as a second argument.
        is_async: whether calling it gives something to await or to iterate asynchronously.
        limit: emissions that one call may make.
    """

    __slots__ = ("call", "is_async", "limit", "name", "role", "wants_record")

    def __init__(self, call: Callable[..., Any], role: Role, limit: int) -> None:
        """Read the shape of `call`."""
        self.call = call
        self.role = role
        self.limit = limit
        self.name = call.__qualname__
        self.wants_record = arity(call) > 1
        self.is_async = inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)

    @property
    def in_thread(self) -> bool:
        """Whether it runs in a thread."""
        return getattr(self.role, "thread", False) and not self.is_async

    @property
    def one_by_one(self) -> bool:
        """Whether it takes single records."""
        return isinstance(self.role, Each)

    def steps(self, outcome: Any) -> Sequence[Step]:
        """The steps of a sync handler's outcome, all of them before any is acted on.

        Raises:
            OutcomeError: when the outcome is none, or longer than the limit.
        """
        if outcome is None:
            return ()
        if isinstance(outcome, (Emission, Failure)):
            return (outcome,)
        if not isinstance(outcome, Iterable) or isinstance(outcome, (BaseModel, str, bytes, dict)):
            raise self._rubbish(outcome)
        return self._checked(list(islice(outcome, self.limit + 1)))

    async def async_steps(self, outcome: Any) -> Sequence[Step]:
        """The steps of any handler's outcome, awaited and iterated as it needs.

        Raises:
            OutcomeError: when the outcome is none, or longer than the limit.
        """
        if isinstance(outcome, Awaitable):
            outcome = await outcome
        if isinstance(outcome, AsyncIterable):
            found: list[Step] = []
            async for step in outcome:
                found.append(step)
                if len(found) > self.limit:
                    break
            return self._checked(found)
        return self.steps(outcome)

    def _checked(self, found: list[Any]) -> Sequence[Step]:
        if len(found) > self.limit:
            raise OutcomeError(
                f"{self.name} made more than {self.limit} emissions from one call; "
                "split the input or raise max-emissions"
            )
        for step in found:
            if not isinstance(step, (Emission, Failure)):
                raise self._rubbish(step)
        return found

    def _rubbish(self, value: object) -> OutcomeError:
        return OutcomeError(
            f"{self.name} returned a value of type {type(value).__name__}; return None, "
            "self.<outlet>(value), or several of these as a list or by yield"
        )


def arity(call: Callable[..., Any]) -> int:
    """How many positional arguments a bound method takes."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds for p in inspect.signature(call).parameters.values())
