"""Boxes and arrows as SVG: boxes in ranks, each after those with arrows to it, ordered so that few arrows cross."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

_TITLE, _LINE = 14.0, 12.0  # sizes of the letters
_PADDING, _GAP, _RANK_GAP, _MARGIN = 10.0, 24.0, 36.0, 12.0


@dataclass(eq=False)
class Box:
    """A box with a title and lines of text; with a picture inside it is a frame."""

    title: str
    lines: Sequence[str] = ()
    inner: Picture | None = None


@dataclass(eq=False)
class Picture:
    """Boxes and arrows; `begin` and `end` are the boxes where arrows from outside end and leave."""

    boxes: list[Box]
    edges: list[tuple[Box, Box]]
    begin: list[Box] = field(default_factory=list)
    end: list[Box] = field(default_factory=list)


@dataclass(eq=False)
class _Place:
    """Where a box is; without a box, a point that a long arrow goes through."""

    rank: int
    box: Box | None = None
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0


def svg(picture: Picture, direction: str = "TB") -> str:
    """The picture as an SVG file's text. `direction`: where the arrows go, "TB", "BT", "LR" or "RL".

    >>> a, b = Box("a"), Box("b", ["shape: (2,)"])
    >>> svg(Picture([a, b], [(a, b)])).count("<rect")
    5
    """
    body, width, height = _drawn(picture, direction, _MARGIN, _MARGIN)
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    arrow = ('<defs><marker id="arrow" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
             '<path d="M0,0 L9,4 L0,8 z"/></marker></defs>')
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif">')
    return "\n".join([head, arrow, f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>', *body, "</svg>", ""])


def _drawn(picture: Picture, direction: str, x: float, y: float) -> tuple[list[str], float, float]:
    """(elements, width, height) of a picture whose corner is at x, y."""
    places = [_Place(0, box, *_size(box, direction)) for box in picture.boxes]
    of = {id(p.box): p for p in places}
    arrows = [[of[id(a)], of[id(b)]] for a, b in picture.edges]
    _rank(places, arrows)
    arrows = [_with_bends(arrow, places) for arrow in arrows]
    width, height = _arrange(_ordered(places, arrows), direction)
    for place in places:
        place.x, place.y = place.x + x, place.y + y
    elements = [_arrow(arrow, direction) for arrow in arrows]
    for place in places:
        if place.box is not None:
            elements += _framed(place, direction) if place.box.inner is not None else _text(place)
    return elements, width, height


def _size(box: Box, direction: str) -> tuple[float, float]:
    """A box's width and height, from the number of letters, or from the picture inside."""
    title = len(box.title) * _TITLE * 0.62 + 2 * _PADDING
    if box.inner is not None:
        _, width, height = _drawn(box.inner, direction, 0, 0)
        return max(width, title) + 2 * _PADDING, height + 3 * _PADDING + _TITLE
    lines = max([len(line) * _LINE * 0.58 + 2 * _PADDING for line in box.lines], default=0)
    return max(title, lines), (_TITLE + 2 * _PADDING) + len(box.lines) * (_LINE + _PADDING)


# --- the layout -----------------------------------------------------------------------------------------------------------


def _rank(places: list[_Place], arrows: list[list[_Place]]) -> None:
    """A place's rank is the number of arrows on the longest way to it. Arrows that close a circle do not count."""
    before: dict[int, list[_Place]] = {id(p): [] for p in places}
    for start, end in arrows:
        before[id(end)].append(start)
    entered: set[int] = set()
    for root in places:
        if id(root) in entered:
            continue
        entered.add(id(root))
        stack = [(root, iter(before[id(root)]))]
        while stack:
            place, waiting = stack[-1]
            fresh = next((b for b in waiting if id(b) not in entered), None)
            if fresh is not None:
                entered.add(id(fresh))
                stack.append((fresh, iter(before[id(fresh)])))
                continue
            stack.pop()
            around = {id(p) for p, _ in stack} | {id(place)}
            place.rank = max((b.rank + 1 for b in before[id(place)] if id(b) not in around), default=0)


def _with_bends(arrow: list[_Place], places: list[_Place]) -> list[_Place]:
    """An arrow with a point in each rank that it passes."""
    start, end = arrow
    bends = [_Place(rank) for rank in range(start.rank + 1, end.rank)]
    places.extend(bends)
    return [start, *bends, end]


def _ordered(places: list[_Place], arrows: list[list[_Place]]) -> list[list[_Place]]:
    """The ranks, each in the order of the mean place of its neighbours in the rank before, then after, a few times."""
    ranks: list[list[_Place]] = [[] for _ in range(max((p.rank for p in places), default=-1) + 1)]
    for place in places:
        ranks[place.rank].append(place)
    above: dict[int, list[_Place]] = {id(p): [] for p in places}
    below: dict[int, list[_Place]] = {id(p): [] for p in places}
    for arrow in arrows:
        for a, b in zip(arrow, arrow[1:]):
            above[id(b)].append(a)
            below[id(a)].append(b)
    for sweep in range(8):
        near, order = (above, ranks) if sweep % 2 == 0 else (below, ranks[::-1])
        for rank in order:
            position = {id(p): i for one in ranks for i, p in enumerate(one)}
            means = {id(p): _mean([position[id(n)] for n in near[id(p)]] or [position[id(p)]]) for p in rank}
            rank.sort(key=lambda p: means[id(p)])
    return ranks


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers)


def _arrange(ranks: list[list[_Place]], direction: str) -> tuple[float, float]:
    """Give each place its corner; returns the width and height of all."""
    upright = direction in ("TB", "BT")

    def across(p: _Place) -> float:
        return p.width if upright else p.height

    def along(p: _Place) -> float:
        return p.height if upright else p.width

    breadths = [sum(map(across, rank)) + _GAP * (len(rank) - 1) for rank in ranks]
    depths = [max(map(along, rank)) for rank in ranks]
    breadth, depth = max(breadths, default=0), sum(depths) + _RANK_GAP * (len(ranks) - 1)
    at = 0.0
    for rank, own, thickness in zip(ranks, breadths, depths):
        place_across = (breadth - own) / 2
        for p in rank:
            begin = at + (thickness - along(p)) / 2
            if direction in ("BT", "RL"):
                begin = depth - begin - along(p)
            if p.box is None:  # an arrow goes straight past the boxes of its rank
                begin = at if direction in ("TB", "LR") else depth - at - thickness
                p.width, p.height = (0.0, thickness) if upright else (thickness, 0.0)
            p.x, p.y = (place_across, begin) if upright else (begin, place_across)
            place_across += across(p) + _GAP
        at += thickness + _RANK_GAP
    return (breadth, depth) if upright else (depth, breadth)


# --- the drawing ----------------------------------------------------------------------------------------------------------


def _arrow(arrow: list[_Place], direction: str) -> str:
    """A curve from the side of the first place, through the points, to the opposite side of the last one."""
    upright, forward = direction in ("TB", "BT"), direction in ("TB", "LR")

    def port(p: _Place, leaving: bool) -> tuple[float, float]:
        far = leaving is forward
        return (p.x + p.width / 2, p.y + p.height * far) if upright else (p.x + p.width * far, p.y + p.height / 2)

    path = "M{:.1f},{:.1f}".format(*port(arrow[0], True))
    for place, following in zip(arrow, arrow[1:]):
        (x1, y1), (x2, y2) = port(place, True), port(following, False)
        middle = (y1 + y2) / 2 if upright else (x1 + x2) / 2
        first, second = ((x1, middle), (x2, middle)) if upright else ((middle, y1), (middle, y2))
        path += " C" + " ".join(f"{x:.1f},{y:.1f}" for x, y in (first, second, (x2, y2)))
        if following.box is None:
            path += " L{:.1f},{:.1f}".format(*port(following, True))
    return f'<path d="{path}" fill="none" stroke="black" stroke-width="1.5" marker-end="url(#arrow)"/>'


def _text(place: _Place) -> list[str]:
    box, top = place.box, _TITLE + 2 * _PADDING
    if box is None:
        return []
    found = [_rect(place.x, place.y, place.width, place.height, 'fill="white" stroke="black"'),
             _rect(place.x, place.y, place.width, top, 'fill="black"'),
             _label(place, place.y + _PADDING + _TITLE * 0.85, box.title,
                    f'font-size="{_TITLE:.0f}" font-weight="bold" fill="white"')]
    for i, line in enumerate(box.lines):
        at = place.y + top + (i + 1) * (_LINE + _PADDING) - _PADDING / 2 - 2
        found.append(_label(place, at, line, f'font-size="{_LINE:.0f}"'))
    return found


def _framed(place: _Place, direction: str) -> list[str]:
    """A frame with a picture inside."""
    box = place.box
    if box is None or box.inner is None:
        return []
    _, width, _ = _drawn(box.inner, direction, 0, 0)
    inside, _, _ = _drawn(box.inner, direction, place.x + (place.width - width) / 2, place.y + _TITLE + 2 * _PADDING)
    return [_rect(place.x, place.y, place.width, place.height, 'fill="#f4f4f4" stroke="gray" stroke-dasharray="5,4"'),
            f'<text x="{place.x + _PADDING:.1f}" y="{place.y + _PADDING / 2 + _TITLE:.1f}" font-size="{_TITLE:.0f}">'
            f"{html.escape(box.title)}</text>", *inside]


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'


def _label(place: _Place, y: float, text: str, style: str) -> str:
    middle = place.x + place.width / 2
    return f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle" {style}>{html.escape(text)}</text>'
