"""The calibration plot as SVG: whether intervals hold what they promise, and whether predictions match sales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from typing import Any, Final

WIDTH, HEIGHT, SIDE, TOP = 920, 490, 340, 86
LEFT: Final = (74, 536)
INK, SOFT, OURS, CHANCE = "#1f2430", "#6b7280", "#0b6e4f", "#d9e6e1"
FONT: Final = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"


def calibration(figures: Mapping[str, Any], title: str, note: str) -> str:
    """The plot of an evaluation.

    Args:
        figures: as `evaluation.evaluate` gives them.
        title, note: which model, and what is to be known of its data.
    """
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' "
            f"height='{HEIGHT}' role='img' {FONT}>",
            f"<title>{escape(title)}</title><rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
            _text(LEFT[0], 34, title, 18, weight=600),
            _text(LEFT[0], 56, note, 12.5, SOFT),
            *_coverage(figures["calibration"], int(figures["n"]), int(figures["nCalibration"])),
            *_sales(figures["deciles"]),
            "</svg>",
        ]
    )


def _coverage(points: Sequence[Mapping[str, float]], n: int, calibrated: int) -> list[str]:
    left = LEFT[0]
    right, bottom = left + SIDE - 12, TOP + SIDE - 14

    def x(value: float) -> float:
        return left + value * SIDE

    def y(value: float) -> float:
        return TOP + (1 - value) * SIDE

    band = [f"{x(p['level']):.1f},{y(p['chanceHigh']):.1f}" for p in points]
    band += [f"{x(p['level']):.1f},{y(p['chanceLow']):.1f}" for p in reversed(points)]
    line = " ".join(f"{x(p['level']):.1f},{y(p['inside']):.1f}" for p in points)
    drawn = _frame(left, "share of intervals asked to hold", "share that held")
    for tick in (0, 0.25, 0.5, 0.75, 1):
        drawn += _ticks(left, x(tick), y(tick), f"{tick:.0%}", f"{tick:.0%}")
    drawn += [
        f"<polygon points='{' '.join(band)}' fill='{CHANCE}'/>",
        f"<line x1='{x(0)}' y1='{y(0)}' x2='{x(1)}' y2='{y(1)}' stroke='{SOFT}' stroke-dasharray='4 4'/>",
        f"<polyline points='{line}' fill='none' stroke='{OURS}' stroke-width='2'/>",
        *(f"<circle cx='{x(p['level']):.1f}' cy='{y(p['inside']):.1f}' r='3.6' fill='{OURS}'/>" for p in points),
        _text(right, bottom - 17, f"on {n} rows kept apart, calibrated on {calibrated}", 12, SOFT, anchor="end"),
        _text(right, bottom, "shaded: where chance alone puts 95 % of models", 12, SOFT, anchor="end"),
    ]
    at = next((p for p in points if p["level"] == 0.9), None)
    if at is not None:
        told = f"90 % asked, {at['inside']:.1%} held"
        drawn.append(_text(right, bottom - 40, told, 14, weight=600, anchor="end"))
    return drawn


def _sales(points: Sequence[Mapping[str, float]]) -> list[str]:
    left = LEFT[1]
    values = [max(p[name], 0.5) for p in points for name in ("predicted", "sold")]
    low, high = log10(min(values) * 0.7), log10(max(values) * 1.4)

    def place(value: float) -> float:
        return SIDE * (log10(max(value, 0.5)) - low) / max(high - low, 1e-9)

    drawn = _frame(left, "units predicted (mean of a tenth of the rows)", "units sold (mean of the same rows)")
    for tick in _round_numbers(10**low, 10**high):
        drawn += _ticks(left, left + place(tick), TOP + SIDE - place(tick), f"{tick:g}", f"{tick:g}")
    drawn.append(
        f"<line x1='{left}' y1='{TOP + SIDE}' x2='{left + SIDE}' y2='{TOP}' stroke='{SOFT}' stroke-dasharray='4 4'/>"
    )
    for p in points:
        cx, cy = left + place(p["predicted"]), TOP + SIDE - place(p["sold"])
        ends = [TOP + SIDE - place(p["sold"] + sign * 1.96 * p["error"]) for sign in (-1, 1)]
        ends = [min(max(end, TOP), TOP + SIDE) for end in ends]
        drawn.append(f"<line x1='{cx:.1f}' y1='{ends[0]:.1f}' x2='{cx:.1f}' y2='{ends[1]:.1f}' stroke='{OURS}'/>")
        drawn.append(f"<circle cx='{cx:.1f}' cy='{cy:.1f}' r='3.6' fill='{OURS}'/>")
    right, bottom = left + SIDE - 12, TOP + SIDE - 14
    drawn.append(_text(right, bottom - 17, "bars: 95 % interval of the mean", 12, SOFT, anchor="end"))
    drawn.append(_text(right, bottom, "a median is predicted: means lie above the line", 12, SOFT, anchor="end"))
    return drawn


def _frame(left: float, below: str, beside: str) -> list[str]:
    middle, bottom = left + SIDE / 2, TOP + SIDE
    turned = f"transform='rotate(-90 {left - 50} {TOP + SIDE / 2})'"
    return [
        f"<rect x='{left}' y='{TOP}' width='{SIDE}' height='{SIDE}' fill='#fbfbfa' stroke='#d5d7db'/>",
        _text(middle, bottom + 44, below, 13, anchor="middle"),
        _text(left - 50, TOP + SIDE / 2, beside, 13, anchor="middle", more=turned),
    ]


def _ticks(left: float, x: float, y: float, below: str, beside: str) -> list[str]:
    bottom = TOP + SIDE
    return [
        f"<line x1='{x:.1f}' y1='{bottom}' x2='{x:.1f}' y2='{bottom + 5}' stroke='{SOFT}'/>",
        f"<line x1='{left - 5}' y1='{y:.1f}' x2='{left}' y2='{y:.1f}' stroke='{SOFT}'/>",
        _text(x, bottom + 20, below, 12, SOFT, anchor="middle"),
        _text(left - 9, y + 4, beside, 12, SOFT, anchor="end"),
    ]


def _round_numbers(low: float, high: float) -> list[float]:
    found = [base * 10.0**power for power in range(-1, 8) for base in (1, 2, 5)]
    found = [value for value in found if low <= value <= high]
    return found if len(found) <= 7 else [value for value in found if f"{value:e}"[0] == "1"] or found[::2]


def _text(
    x: float, y: float, text: str, size: float, fill: str = INK, *, anchor: str = "start", weight: int = 400,
    more: str = "",
) -> str:  # fmt: skip
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{fill}' text-anchor='{anchor}' "
        f"font-weight='{weight}' {more}>{escape(text)}</text>"
    )
