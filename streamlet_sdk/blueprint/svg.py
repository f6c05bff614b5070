"""Draws an application as SVG, readable on light and on dark ground. Called through `graph`."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from streamlet_sdk.blueprint.layout import Layout, Node, layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamlet_sdk.blueprint.verified import VerifiedBlueprint

# All in pixels. A fixed-width font, so that the width of a text can be known here.
_CHARACTER: Final = 7.9
_BOX: Final = 30
_ROW: Final = 52
_GAP: Final = 64
_MARGIN: Final = 16
_STYLE: Final = """
  text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328;
    text-anchor: middle; dominant-baseline: central; }
  .streamlet { fill: #ddf4ff; stroke: #0969da; }
  .topic { fill: #fff8c5; stroke: #9a6700; }
  .line { fill: none; stroke: #656d76; stroke-width: 1.3; }
  .arrow { fill: #656d76; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .streamlet { fill: #0c2d6b; stroke: #58a6ff; }
    .topic { fill: #3b2300; stroke: #d29922; }
    .line { stroke: #8b949e; }
    .arrow { fill: #8b949e; }
  }
"""


class _Box(NamedTuple):
    """Where a node is; a passage is a box without width and height."""

    x: float
    y: float
    width: float


def graph_svg(application: VerifiedBlueprint) -> str:
    """A whole SVG document, ended by a line break; streamlets are boxes, topics are rounded."""
    drawn = layout(application)
    boxes = _boxes(drawn)
    width = max((box.x + box.width for box in boxes.values()), default=0) + _MARGIN
    height = max((box.y for box in boxes.values()), default=0) + _BOX / 2 + _MARGIN
    shapes = [_shape(node, box) for node, box in boxes.items() if node.kind != "passage"]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"',
            f'  width="{width:.0f}" height="{height:.0f}" role="img">',
            "<title>Streamlets and topics</title>",
            f"<style>{_STYLE}</style>",
            '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" orient="auto"',
            '  markerWidth="8" markerHeight="8"><path class="arrow" d="M0 0 8 4 0 8z"/></marker>',
            *(_line([boxes[node] for node in line]) for line in drawn.lines),
            *shapes,
            "</svg>",
            "",
        ]
    )


def _boxes(drawn: Layout) -> Mapping[Node, _Box]:
    tallest = max((len(column) for column in drawn.columns), default=0)
    found: dict[Node, _Box] = {}
    x = float(_MARGIN)
    for column in drawn.columns:
        width = max((_width(node) for node in column), default=0.0)
        top = _MARGIN + _BOX / 2 + (tallest - len(column)) * _ROW / 2
        for row, node in enumerate(column):
            own = _width(node)
            found[node] = _Box(x + (width - own) / 2, top + row * _ROW, own)
        x += width + _GAP
    return found


def _width(node: Node) -> float:
    return 0.0 if node.kind == "passage" else len(node.name) * _CHARACTER + 24


def _shape(node: Node, box: _Box) -> str:
    radius = _BOX / 2 if node.kind == "topic" else 4
    return (
        f'<rect class="{node.kind}" x="{box.x:.1f}" y="{box.y - _BOX / 2:.1f}" '
        f'width="{box.width:.1f}" height="{_BOX}" rx="{radius:g}"/>'
        f'<text x="{box.x + box.width / 2:.1f}" y="{box.y:.1f}">{escape(node.name)}</text>'
    )


def _line(boxes: Sequence[_Box]) -> str:
    """A smooth line through the middle of all boxes, from the right of the first one."""
    return f'<path class="line" marker-end="url(#arrow)" d="{" ".join(_curves(boxes))}"/>'


def _curves(boxes: Sequence[_Box]) -> Iterator[str]:
    backwards = boxes[-1].x < boxes[0].x
    x = boxes[0].x + (0 if backwards else boxes[0].width)
    y = boxes[0].y
    yield f"M{x:.1f} {y:.1f}"
    for box in boxes[1:]:
        to = box.x + (box.width if backwards else 0)
        middle = (x + to) / 2
        yield f"C{middle:.1f} {y:.1f} {middle:.1f} {box.y:.1f} {to:.1f} {box.y:.1f}"
        x, y = to, box.y
