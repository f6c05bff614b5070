"""What is said before an application starts: its streamlets, topics, ports and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli import render
from cloudflow_cli.sandbox.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cloudflow_cli.sandbox.prepared import Mount, Prepared
    from cloudflow_cli.sandbox.request import Request
    from streamlet_sdk.blueprint.verified import PortPath, VerifiedTopic


def banner(prepared: Prepared, request: Request, where: str) -> str:
    """The text, without a line end at its end; `where` names the broker."""
    found = prepared.project
    sections: list[tuple[str, list[Sequence[str]]]] = [
        ("Streamlets", list(_streamlets(prepared))),
        ("Topics", list(_topics(prepared))),
        ("Dead letters", [[topic.id] for topic in _dead_letters(prepared)]),
        ("Volume mounts", [_mount(mount) for mount in prepared.mounts]),
        ("Files", list(_files(prepared, request))),
    ]
    parts = [f"{found.name} {found.version} on {where}"]
    parts += [f"{title}\n{_columns(rows)}" for title, rows in sections if rows]
    return "\n\n".join(parts)


def _streamlets(prepared: Prepared) -> Iterator[Sequence[str]]:
    for name, streamlet in prepared.running.streamlets.items():
        replicas = prepared.replicas(name)
        yield (
            name,
            streamlet.descriptor.class_name,
            "" if replicas == 1 else render.count(replicas, "replica"),
            _address(prepared, name) if streamlet.descriptor.server is not None else "",
        )


def _address(prepared: Prepared, streamlet: str) -> str:
    first = prepared.configs[streamlet].server_port
    ports = range(first, first + prepared.replicas(streamlet))
    return " ".join(f"http://{HOST}:{port}" for port in ports)


def _topics(prepared: Prepared) -> Iterator[Sequence[str]]:
    for topic in prepared.running.topics.values():
        if not topic.implicit:
            wires = f"{_paths(topic.producers)} → {_paths(topic.consumers)}".strip()
            yield topic.id, render.count(prepared.partitions(topic), "partition"), wires


def _dead_letters(prepared: Prepared) -> Iterator[VerifiedTopic]:
    return (topic for topic in prepared.running.topics.values() if topic.implicit)


def _paths(paths: Iterable[PortPath]) -> str:
    return ", ".join(map(str, paths))


def _mount(mount: Mount) -> Sequence[str]:
    note = "temporary" if mount.is_temporary else ""
    return (f"{mount.streamlet}.{mount.name}", render.short(mount.path), note)


def _files(prepared: Prepared, request: Request) -> Iterator[Sequence[str]]:
    yield "blueprint", render.short(prepared.project.blueprint)
    for file in prepared.files:
        yield "configuration", render.short(file)
    for feed in request.feeds:
        yield "feed", f"{feed.name} → {feed.topic}"
    for tap in request.taps:
        yield "tap", f"{tap.topic} → {tap.name}"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Cells below each other; columns that are empty throughout take no room."""
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  " + "   ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    )
