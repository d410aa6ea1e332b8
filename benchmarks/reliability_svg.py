"""A reliability diagram as SVG: what was said against what was true, dark and light backgrounds alike."""

from __future__ import annotations

from collections.abc import Sequence

from aion.answer.calibration.figures import Bin

_SIDE, _EDGE = 260, 40
_OURS, _FORMULA, _GREY = "#2f6fdb", "#d9822b", "#8a8f98"


def diagram(ours: Sequence[Bin], formula: Sequence[Bin]) -> str:
    """Circles as large as their bins, on the diagonal where probabilities mean what they say."""
    whole = _SIDE + 2 * _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole + 150} {whole}" '
        f'font-family="sans-serif" font-size="11" fill="{_GREY}">',
        f'<path d="M{_x(0)} {_y(0)}H{_x(1)}V{_y(1)}H{_x(0)}Z" fill="none" stroke="{_GREY}"/>',
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="{_GREY}" stroke-dasharray="4 4"/>',
        *(f'<text x="{_x(t)}" y="{_y(0) + 15}" text-anchor="middle">{t:g}</text>' for t in (0, 0.5, 1)),
        *(f'<text x="{_x(0) - 6}" y="{_y(t) + 4}" text-anchor="end">{t:g}</text>' for t in (0, 0.5, 1)),
        f'<text x="{_x(0.5)}" y="{_y(0) + 31}" text-anchor="middle">mean C</text>',
        f'<text x="12" y="{_y(0.5)}" transform="rotate(-90 12 {_y(0.5)})" text-anchor="middle">'
        "share of answerable questions</text>",
        *_circles(formula, _FORMULA),
        *_circles(ours, _OURS),
        *(
            f'<circle cx="{whole}" cy="{60 + 20 * n}" r="5" fill="{colour}"/>'
            f'<text x="{whole + 12}" y="{64 + 20 * n}">{name}</text>'
            for n, (colour, name) in enumerate(((_OURS, "calibrated"), (_FORMULA, "mean-cosine")))
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _circles(bins: Sequence[Bin], colour: str) -> list[str]:
    most = max(one.n for one in bins)
    return [
        f'<circle cx="{_x(one.mean):.1f}" cy="{_y(one.share):.1f}" r="{3 + 9 * (one.n / most) ** 0.5:.1f}" '
        f'fill="{colour}" fill-opacity="0.75"/>'
        for one in bins
    ]


def _x(value: float) -> float:
    return _EDGE + value * _SIDE


def _y(value: float) -> float:
    return _EDGE + (1 - value) * _SIDE
