"""Draws what `scale.py` measured: a table in Markdown, and a chart in SVG with a small panel for each figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Figures by number of paragraphs (as text), by step and by name."""

_ROWS: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("first index, without embedding", "build", "seconds", lambda value: f"{value:.0f} s"),
    ("its peak memory", "build", "megabytes", lambda value: f"{value:.0f} MB"),
    ("refresh, nothing changed", "nothing", "seconds", lambda value: f"{value:.2f} s"),
    ("refresh, one article added", "add", "seconds", lambda value: f"{value:.2f} s"),
    ("refresh, one article renamed", "rename", "seconds", lambda value: f"{value:.2f} s"),
    ("refresh, one article deleted", "delete", "seconds", lambda value: f"{value:.2f} s"),
    ("opening in a new process", "open", "seconds", lambda value: f"{1000 * value:.0f} ms"),
    ("candidates, median", "search", "median", lambda value: f"{1000 * value:.1f} ms"),
    ("candidates, 95th percentile", "search", "p95", lambda value: f"{1000 * value:.1f} ms"),
    ("the same, processor time only", "search", "p95_busy", lambda value: f"{1000 * value:.1f} ms"),
    ("recall@10 against exact search", "search", "recall", lambda value: f"{value:.3f}"),
    ("memory of a searching process", "search", "megabytes", lambda value: f"{value:.0f} MB"),
    ("disk a paragraph", "disk", "bytes", lambda value: f"{value:.0f} bytes"),
    ("the same besides the text", "disk", "bytes_without_text", lambda value: f"{value:.0f} bytes"),
    ("`qa ask`, whole process", "ask", "seconds", lambda value: f"{value:.2f} s"),
    ("the same, processor time only", "ask", "busy", lambda value: f"{value:.2f} s"),
    ("its peak memory", "ask", "megabytes", lambda value: f"{value:.0f} MB"),
)
_PANELS = (
    ("first index (s)", "build", "seconds"),
    ("one article added (s)", "add", "seconds"),
    ("candidates, 95% (s)", "search", "p95"),
    ("build memory (MB)", "build", "megabytes"),
    ("disk a paragraph (bytes)", "disk", "bytes"),
    ("qa ask (s)", "ask", "seconds"),
)
_WIDTH, _HEIGHT, _MARGIN = 240, 150, 34


def render_table(measured: Figures) -> str:
    """The table: a row for each figure, a column for each size."""
    sizes = sorted(measured, key=int)
    lines = ["| paragraphs | " + " | ".join(f"{int(size):,}" for size in sizes) + " |"]
    lines.append("| --- |" + " ---: |" * len(sizes))
    for title, step, name, render in _ROWS:
        cells = [_cell(measured[size], step, name, render) for size in sizes]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(figures: Mapping[str, Mapping[str, float]], step: str, name: str, render: Callable[[float], str]) -> str:
    value = figures.get(step, {}).get(name)
    return "" if value is None else render(value)


def render_chart(measured: Figures) -> str:
    """The chart. Both axes of every panel are logarithmic, so a straight rising line means growth with the folder, and
    a flat line means none."""
    columns = 3
    rows = -(-len(_PANELS) // columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * _WIDTH} {rows * _HEIGHT}" '
        'font-family="sans-serif" font-size="10">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, step, name) in enumerate(_PANELS):
        points = [
            (int(size), measured[size][step][name]) for size in sorted(measured, key=int) if step in measured[size]
        ]
        parts.append(f'<g transform="translate({number % columns * _WIDTH} {number // columns * _HEIGHT})">')
        parts.append(f'<text x="{_WIDTH / 2}" y="16" text-anchor="middle" font-weight="bold">{title}</text>')
        parts.extend(_panel(points))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(points: list[tuple[int, float]]) -> list[str]:
    if not points:
        return []
    low = math.floor(min(math.log10(value) for _, value in points))
    high = max(low + 1, math.ceil(max(math.log10(value) for _, value in points)))
    first, last = math.log10(points[0][0]), math.log10(points[-1][0])

    def place(size: int, value: float) -> tuple[float, float]:
        across = (math.log10(size) - first) / ((last - first) or 1)
        up = (math.log10(value) - low) / (high - low)
        return _MARGIN + across * (_WIDTH - 2 * _MARGIN), _HEIGHT - 24 - up * (_HEIGHT - 24 - _MARGIN)

    spots = [place(size, value) for size, value in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    parts = [f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="2"/>']
    for (size, value), (x, y) in zip(points, spots, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f6feb"/>')
        parts.append(f'<text x="{x:.1f}" y="{y - 6:.1f}" text-anchor="middle">{value:.3g}</text>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle" fill="#555">{size:,}</text>')
    return parts
