"""The calibration plot as SVG: whether intervals have their coverage, and whether predictions match sales."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10
from typing import Final

from functions.analytics.evaluation_figures import DecileFigures, EvaluationFigures, LevelFigures

WIDTH, HEIGHT, SIDE, TOP = 920, 490, 340, 86
LEFT: Final = (74, 536)
INK, GREY, GREEN, BAND = "#1f2430", "#6b7280", "#0b6e4f", "#d9e6e1"
FONT: Final = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
MARKED_LEVEL: Final = 0.9
"""The level whose coverage is written out."""


def render(figures: EvaluationFigures, title: str, note: str) -> str:
    """The plot of an evaluation.

    Args:
        title, note: which model, and what its data is.
    """
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' "
            f"height='{HEIGHT}' role='img' {FONT}>",
            f"<title>{escape(title)}</title><rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
            _text(LEFT[0], 34, title, 18, weight=600),
            _text(LEFT[0], 56, note, 12.5, GREY),
            *_coverage(figures.calibration, figures.n, figures.n_calibration),
            *_sales(figures.deciles),
            "</svg>",
        ]
    )


def _coverage(points: Sequence[LevelFigures], n: int, calibrated: int) -> list[str]:
    left = LEFT[0]
    right, bottom = left + SIDE - 12, TOP + SIDE - 14

    def x(value: float) -> float:
        return left + value * SIDE

    def y(value: float) -> float:
        return TOP + (1 - value) * SIDE

    band = [f"{x(p.level):.1f},{y(p.chance_high):.1f}" for p in points]
    band += [f"{x(p.level):.1f},{y(p.chance_low):.1f}" for p in reversed(points)]
    line = " ".join(f"{x(p.level):.1f},{y(p.inside):.1f}" for p in points)
    drawn = _frame(left, "coverage asked for", "coverage reached")
    for tick in (0, 0.25, 0.5, 0.75, 1):
        drawn += _ticks(left, x(tick), y(tick), f"{tick:.0%}", f"{tick:.0%}")
    drawn += [
        f"<polygon points='{' '.join(band)}' fill='{BAND}'/>",
        f"<line x1='{x(0)}' y1='{y(0)}' x2='{x(1)}' y2='{y(1)}' stroke='{GREY}' stroke-dasharray='4 4'/>",
        f"<polyline points='{line}' fill='none' stroke='{GREEN}' stroke-width='2'/>",
        *(f"<circle cx='{x(p.level):.1f}' cy='{y(p.inside):.1f}' r='3.6' fill='{GREEN}'/>" for p in points),
        _text(right, bottom - 17, f"on {n} held-out rows, calibrated on {calibrated}", 12, GREY, anchor="end"),
        _text(right, bottom, "shaded: 95 % of models by chance alone", 12, GREY, anchor="end"),
    ]
    marked = next((p for p in points if p.level == MARKED_LEVEL), None)
    if marked is not None:
        text = f"asked {marked.level:.0%}, reached {marked.inside:.1%}"
        drawn.append(_text(right, bottom - 40, text, 14, weight=600, anchor="end"))
    return drawn


def _sales(points: Sequence[DecileFigures]) -> list[str]:
    left = LEFT[1]
    values = [max(value, 0.5) for p in points for value in (p.predicted, p.sold)]
    low, high = log10(min(values) * 0.7), log10(max(values) * 1.4)

    def place(value: float) -> float:
        return SIDE * (log10(max(value, 0.5)) - low) / max(high - low, 1e-9)

    drawn = _frame(left, "units predicted (mean of a tenth of the rows)", "units sold (mean of the same rows)")
    for tick in _round_numbers(10**low, 10**high):
        drawn += _ticks(left, left + place(tick), TOP + SIDE - place(tick), f"{tick:g}", f"{tick:g}")
    drawn.append(
        f"<line x1='{left}' y1='{TOP + SIDE}' x2='{left + SIDE}' y2='{TOP}' stroke='{GREY}' stroke-dasharray='4 4'/>"
    )
    for p in points:
        cx, cy = left + place(p.predicted), TOP + SIDE - place(p.sold)
        ends = [TOP + SIDE - place(p.sold + sign * 1.96 * p.error) for sign in (-1, 1)]
        ends = [min(max(end, TOP), TOP + SIDE) for end in ends]
        drawn.append(f"<line x1='{cx:.1f}' y1='{ends[0]:.1f}' x2='{cx:.1f}' y2='{ends[1]:.1f}' stroke='{GREEN}'/>")
        drawn.append(f"<circle cx='{cx:.1f}' cy='{cy:.1f}' r='3.6' fill='{GREEN}'/>")
    right, bottom = left + SIDE - 12, TOP + SIDE - 14
    drawn.append(_text(right, bottom - 17, "bars: 95 % interval of the mean", 12, GREY, anchor="end"))
    drawn.append(_text(right, bottom, "a median is predicted: means lie above the line", 12, GREY, anchor="end"))
    return drawn


def _frame(left: float, x_label: str, y_label: str) -> list[str]:
    middle, bottom = left + SIDE / 2, TOP + SIDE
    rotated = f"transform='rotate(-90 {left - 50} {TOP + SIDE / 2})'"
    return [
        f"<rect x='{left}' y='{TOP}' width='{SIDE}' height='{SIDE}' fill='#fbfbfa' stroke='#d5d7db'/>",
        _text(middle, bottom + 44, x_label, 13, anchor="middle"),
        _text(left - 50, TOP + SIDE / 2, y_label, 13, anchor="middle", attributes=rotated),
    ]


def _ticks(left: float, x: float, y: float, x_label: str, y_label: str) -> list[str]:
    bottom = TOP + SIDE
    return [
        f"<line x1='{x:.1f}' y1='{bottom}' x2='{x:.1f}' y2='{bottom + 5}' stroke='{GREY}'/>",
        f"<line x1='{left - 5}' y1='{y:.1f}' x2='{left}' y2='{y:.1f}' stroke='{GREY}'/>",
        _text(x, bottom + 20, x_label, 12, GREY, anchor="middle"),
        _text(left - 9, y + 4, y_label, 12, GREY, anchor="end"),
    ]


def _round_numbers(low: float, high: float) -> list[float]:
    found = [base * 10.0**power for power in range(-1, 8) for base in (1, 2, 5)]
    found = [value for value in found if low <= value <= high]
    return found if len(found) <= 7 else [value for value in found if f"{value:e}"[0] == "1"] or found[::2]


def _text(
    x: float, y: float, text: str, size: float, fill: str = INK, *, anchor: str = "start", weight: int = 400,
    attributes: str = "",
) -> str:  # fmt: skip
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{fill}' text-anchor='{anchor}' "
        f"font-weight='{weight}' {attributes}>{escape(text)}</text>"
    )
