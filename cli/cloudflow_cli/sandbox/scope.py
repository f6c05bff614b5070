"""`--only`, and names of the user's that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.errors import UsageError
from streamlet_sdk.blueprint import scope
from streamlet_sdk.problems import closest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamlet_sdk.blueprint.verified import VerifiedBlueprint


def part(whole: VerifiedBlueprint, only: Sequence[str]) -> VerifiedBlueprint:
    """The streamlets of `only` and their topics; all of `whole` when `only` is empty.

    Raises:
        UsageError: when there is no streamlet of such a name.
    """
    for name in only:
        if name not in whole.streamlets:
            raise unknown("streamlet", name, whole.streamlets)
    return scope.part(whole, only)


def unknown(what: str, name: str, known: Collection[str]) -> UsageError:
    """The error for a name that does not exist, with the one that was probably meant."""
    meant = closest(name, known)
    hint = f"Did you mean {meant!r}?" if meant else f"There is {', '.join(known) or 'none'}."
    return UsageError(f"There is no {what} {name!r} here.", hint=hint)
