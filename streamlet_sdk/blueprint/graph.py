"""Pictures of an application as text: for terminals, for Markdown (Mermaid), for Graphviz (DOT).

Called by the command line. `FORMATS` has all pictures, that of `svg` included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamlet_sdk.blueprint.svg import graph_svg
from streamlet_sdk.blueprint.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streamlet_sdk.blueprint.verified import (
        VerifiedBlueprint,
        VerifiedStreamlet,
        VerifiedTopic,
    )

_OUTSIDE = "(outside)"


def graph_text(application: VerifiedBlueprint) -> str:
    """The streamlets by stage, then each topic with what feeds it and what it feeds.

    Ends with a line break. As wide as the longest names make it.
    """
    topology = Topology(application)
    parts = [list(_stage_lines(topology)), list(_topic_lines(topology))]
    dead = [str(topic.producers[0]) for topic in topology.dead_letters()]
    if dead:
        heading = "Dead letters, on topics that the platform adds"
        parts.append([heading, *(f"  {line}" for line in _wrapped(dead, 96))])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _stage_lines(topology: Topology) -> Iterator[str]:
    yield "Streamlets, by stage"
    streamlets = topology.application.streamlets
    for number, names in enumerate(topology.stages, start=1):
        labels = [_label(streamlets[name]) for name in names]
        for row, line in enumerate(_wrapped(labels, 92)):
            yield f"  {number if row == 0 else '':>2}  {line}"


def _label(streamlet: VerifiedStreamlet) -> str:
    """The name of a streamlet, with what feeds it from outside and how many there are."""
    descriptor = streamlet.descriptor
    notes = [
        *(["http"] if descriptor.server is not None else []),
        *(["source"] if descriptor.sources else []),
        *([f"{streamlet.replicas} replicas"] if streamlet.replicas is not None else []),
    ]
    return f"{streamlet.name} ({', '.join(notes)})" if notes else streamlet.name


def _topic_lines(topology: Topology) -> Iterator[str]:
    rows = [(topic, *_ends(topology, topic)) for topic in topology.topics]
    if not rows:
        return
    yield "Topics, in the order of the flow"
    left = max(len(text) for _, producers, _ in rows for text in producers)
    middle = max(len(topic.id) for topic, _, _ in rows)
    for topic, producers, consumers in rows:
        for row in range(max(len(producers), len(consumers))):
            source = _merging(producers, row, left)
            name = topic.id if row == 0 else ""
            yield f"  {source} {name} {_splitting(consumers, row, middle - len(name))}".rstrip()


def _ends(topology: Topology, topic: VerifiedTopic) -> tuple[list[str], list[str]]:
    back = " (back)"
    consumers = [
        f"{path}{back if topology.is_feedback(topic, path.streamlet) else ''}"
        for path in topic.consumers
    ]
    return [str(path) for path in topic.producers] or [_OUTSIDE], consumers or [_OUTSIDE]


def _merging(producers: Sequence[str], row: int, width: int) -> str:
    """One row of the lines from producers into a topic."""
    if row >= len(producers):
        return " " * (width + 5)
    line = f"{producers[row]} ".ljust(width + 1, "─") + "─"
    if len(producers) == 1:
        return f"{line}──▶"
    if row == 0:
        return f"{line}┬─▶"
    return f"{line}{'┘' if row == len(producers) - 1 else '┤'}  "


def _splitting(consumers: Sequence[str], row: int, padding: int) -> str:
    """One row of the lines from a topic to its consumers."""
    if row >= len(consumers):
        return ""
    line = "─" * (padding + 1) if row == 0 else " " * (padding + 1)
    if len(consumers) == 1:
        return f"{line}──▶ {consumers[row]}"
    corner = "┬" if row == 0 else "└" if row == len(consumers) - 1 else "├"
    return f"{line}{corner}─▶ {consumers[row]}"


def _wrapped(words: Sequence[str], width: int) -> Iterator[str]:
    """Words joined by commas, in lines of at most `width`; a longer word has a line of its own."""
    line = ""
    for number, word in enumerate(words):
        text = word if number == len(words) - 1 else f"{word},"
        if line and len(line) + len(text) + 1 > width:
            yield line
            line = text
        else:
            line = f"{line} {text}" if line else text
    if line:
        yield line


def graph_mermaid(application: VerifiedBlueprint) -> str:
    """A Mermaid flow chart; streamlets are boxes, topics are rounded."""
    nodes, edges = _nodes(application), _edges(application)
    return "\n".join(
        [
            "flowchart LR",
            *(f'  {id_}["{name}"]' for name, id_ in nodes.streamlets.items()),
            *(f'  {id_}(["{name}"])' for name, id_ in nodes.topics.items()),
            *(f'  {start} -->|"{port}"| {end}' for start, port, end in edges),
            "",
        ]
    )


def graph_dot(application: VerifiedBlueprint) -> str:
    """A Graphviz digraph; streamlets are boxes, topics are rounded."""
    nodes, edges = _nodes(application), _edges(application)
    return "\n".join(
        [
            "digraph application {",
            "  rankdir=LR;",
            "  node [shape=box];",
            *(f'  {id_} [label="{name}"];' for name, id_ in nodes.streamlets.items()),
            *(f'  {id_} [label="{name}", style=rounded];' for name, id_ in nodes.topics.items()),
            *(f'  {start} -> {end} [label="{port}"];' for start, port, end in edges),
            "}",
            "",
        ]
    )


class _Nodes(NamedTuple):
    """Identifiers by name: names may hold what neither language takes as one."""

    streamlets: Mapping[str, str]
    topics: Mapping[str, str]


def _nodes(application: VerifiedBlueprint) -> _Nodes:
    topics = [id_ for id_, topic in application.topics.items() if not topic.implicit]
    return _Nodes(
        {name: f"s{number}" for number, name in enumerate(application.streamlets)},
        {id_: f"t{number}" for number, id_ in enumerate(topics)},
    )


def _edges(application: VerifiedBlueprint) -> list[tuple[str, str, str]]:
    """Start, port and end of every line."""
    streamlets, topics = _nodes(application)
    into = [
        (streamlets[path.streamlet], path.port, topics[id_])
        for id_ in topics
        for path in application.topics[id_].producers
    ]
    out_of = [
        (topics[id_], path.port, streamlets[path.streamlet])
        for id_ in topics
        for path in application.topics[id_].consumers
    ]
    return into + out_of


FORMATS: Final[Mapping[str, Callable[[VerifiedBlueprint], str]]] = {
    "text": graph_text,
    "mermaid": graph_mermaid,
    "dot": graph_dot,
    "svg": graph_svg,
}
