"""What becomes of an application, as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_cli import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloudflow_cli.deploying.changes import Changes, StreamletChange, TopicChange
    from cloudflow_cli.deploying.overrides import Difference
    from cloudflow_cli.deploying.overriding import Overridden
    from cloudflow_cli.options import Common

_SIGNS: Final = {"added": "+", "removed": "-", "dropped": "-", "unchanged": " "}


def changes_text(changes: Changes) -> str:
    """Every streamlet and topic that changes, why its pods restart, and how many stay."""
    name = f"{changes.application} in namespace {changes.namespace}"
    if changes.is_nothing:
        return f"{name}: nothing changes.\n"
    lines = [f"{name}{' is new' if changes.is_new else ''}:"]
    lines += [f"  ~ {text}" for text in changes.rest]
    lines += _section("streamlets", map(_streamlet, changes.streamlets))
    lines += _section("topics", map(_topic, changes.topics))
    lines.append(_sum(changes))
    return "\n".join(lines) + "\n"


def show_overridden(done: Overridden, application: str, common: Common) -> None:
    """Show what was set over an application, and what becomes of its streamlets."""
    for problem in done.warnings:
        render.note("Warning: " + render.problem_text(problem, None, verbose=common.verbose))
    data = {
        "application": application,
        "differences": [one._asdict() for one in done.differences],
        "streamlets": [one.data() for one in done.changes.streamlets],
    }
    if not done.differences:
        text = f"{application}: it is set like this already; nothing was written.\n"
    else:
        text = differences_text(done.differences) + changes_text(done.changes)
    render.show(data, common.output, text=text)


def differences_text(differences: Iterable[Difference]) -> str:
    """Values that another takes the place of; a secret's are hidden."""
    return "".join(f"  {line}\n" for one in differences for line in _difference(one))


def _difference(one: Difference) -> Iterator[str]:
    if one.before is None:
        yield f"+ {one.path} = {one.after}"
    elif one.after is None:
        yield f"- {one.path} = {one.before}"
    elif one.before == one.after:
        yield f"~ {one.path} = {one.after} (another value)"
    else:
        yield f"~ {one.path} = {one.before} → {one.after}"


def _section(title: str, shown: Iterable[str | None]) -> list[str]:
    lines = list(shown)
    told = [f"    {line}" for line in lines if line is not None]
    same = lines.count(None)
    if told and same:
        told.append(f"      {same} unchanged")
    return [f"  {title}:", *told] if told else []


def _streamlet(change: StreamletChange) -> str | None:
    if change.fate == "unchanged":
        return None
    line = f"{_SIGNS.get(change.fate, '~')} {change.name}: "
    match change.fate:
        case "added":
            return (
                line
                + "new"
                + ("" if change.after is None else f", {render.count(change.after, 'pod')}")
            )
        case "removed":
            return line + "removed"
        case "scaled":
            return line + _counts(change)
        case _:
            counts = f"; {_counts(change)}" if change.before != change.after else ""
            return line + f"restarts: {', '.join(change.why)}{counts}"


def _counts(change: StreamletChange) -> str:
    before, after = ("unset" if one is None else one for one in (change.before, change.after))
    return f"replicas {before} → {after}"


def _topic(change: TopicChange) -> str | None:
    if change.fate == "unchanged":
        return None
    what = ", ".join(change.what)
    line = f"{_SIGNS.get(change.fate, '~')} {change.name} ({change.kafka_name})"
    match change.fate:
        case "added":
            return line + (f": {what}" if what else "")
        case "dropped":
            return line + ": no longer used; its records stay"
        case _:
            return line + f": {what}"


def _sum(changes: Changes) -> str:
    fates = [one.fate for one in changes.streamlets]
    restarts, removed = fates.count("restarts"), fates.count("removed")
    added = fates.count("added")
    parts = [
        f"{render.count(number, 'streamlet')} {verb}"
        for number, verb in (
            (added, "start" if added != 1 else "starts"),
            (restarts, "restart" if restarts != 1 else "restarts"),
            (removed, "end" if removed != 1 else "ends"),
        )
        if number
    ]
    return f"{', '.join(parts)}." if parts else "No pod restarts."
