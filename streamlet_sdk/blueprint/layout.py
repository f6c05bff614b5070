"""Places the streamlets and topics of an application in columns, so that lines seldom cross.

Called by `svg`. A line that passes a column gets a place of its own there, so it goes around boxes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from streamlet_sdk.blueprint.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamlet_sdk.blueprint.verified import VerifiedBlueprint

_SWEEPS = 8  # the order hardly changes after the fourth


class Node(NamedTuple):
    """A streamlet, a topic, or a place that a line passes.

    Attributes:
        kind: `streamlet`, `topic` or `passage`.
        name: unique within its kind.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is.

    Attributes:
        columns: the nodes of each column from left to right, each from top to bottom.
        lines: the nodes that each line connects, the first and the last ones being boxes.
    """

    columns: Sequence[Sequence[Node]]
    lines: Sequence[Sequence[Node]]


def layout(application: VerifiedBlueprint) -> Layout:
    """Columns and lines of an application, without the platform's dead-letter topics."""
    topology = Topology(application)
    column: dict[Node, int] = {
        Node("streamlet", name): 2 * stage for name, stage in topology.stage.items()
    }
    for topic in topology.topics:
        column[Node("topic", topic.id)] = 2 * topology.topic_stage(topic) + 1
    lines = [_with_passages(start, end, column) for start, end in _edges(topology)]
    first = min(column.values(), default=0)
    columns: defaultdict[int, list[Node]] = defaultdict(list)
    for node, number in column.items():
        columns[number - first].append(node)
    return Layout(_ordered([columns[number] for number in sorted(columns)], lines), lines)


def _edges(topology: Topology) -> Iterator[tuple[Node, Node]]:
    for topic in topology.topics:
        node = Node("topic", topic.id)
        yield from ((Node("streamlet", path.streamlet), node) for path in topic.producers)
        yield from ((node, Node("streamlet", path.streamlet)) for path in topic.consumers)


def _with_passages(start: Node, end: Node, column: dict[Node, int]) -> list[Node]:
    """The nodes from start to end, with one in each column between; adds those to `column`."""
    step = 1 if column[end] >= column[start] else -1
    between = range(column[start] + step, column[end], step)
    passages = [Node("passage", f"{start} {end} {number}") for number in between]
    column.update(zip(passages, between, strict=True))
    return [start, *passages, end]


def _ordered(columns: list[list[Node]], lines: Sequence[Sequence[Node]]) -> list[list[Node]]:
    """Each column ordered by the middle of its neighbours, left to right and back, repeatedly."""
    left: defaultdict[Node, list[Node]] = defaultdict(list)
    right: defaultdict[Node, list[Node]] = defaultdict(list)
    number = {node: index for index, column in enumerate(columns) for node in column}
    for line in lines:
        for one, other in pairwise(line):
            before, after = sorted((one, other), key=number.__getitem__)
            right[before].append(after)
            left[after].append(before)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = left if forward else right
        for index in range(len(columns)) if forward else reversed(range(len(columns))):
            columns[index] = _sorted(columns, index, neighbours)
    return columns


def _sorted(
    columns: list[list[Node]], index: int, neighbours: Mapping[Node, list[Node]]
) -> list[Node]:
    height = {
        node: (row + 0.5) / len(column) for column in columns for row, node in enumerate(column)
    }

    def middle(node: Node) -> float:
        near = neighbours.get(node)
        return sum(height[one] for one in near) / len(near) if near else height[node]

    return sorted(columns[index], key=middle)
