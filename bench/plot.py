"""Line charts as SVG: so few are needed that a plotting library would weigh more than this."""

import math
from dataclasses import dataclass
from html import escape

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#7b3294")
_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 96, 36, 48
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Series:
    """A line with its name, which stands at its end."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One chart; its x axis is logarithmic, and has a mark at every point."""

    title: str
    x: str
    y: str
    series: list[Series]


def svg(panels: list[Panel]) -> str:
    """Charts side by side, as one picture with a white ground, for light and dark pages."""
    width = _WIDTH * len(panels)
    drawn = "\n".join(_panel(panel, _WIDTH * number) for number, panel in enumerate(panels))
    title = escape("; ".join(panel.title for panel in panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" '
        f'width="{width}" height="{_HEIGHT}" role="img" font-family="sans-serif" font-size="12">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{width}" height="{_HEIGHT}" fill="white"/>\n{drawn}\n</svg>\n'
    )


def _panel(panel: Panel, offset: int) -> str:
    points = [point for series in panel.series for point in series.points]
    xs = sorted({x for x, _ in points})
    low, high = math.log(xs[0]), math.log(xs[-1])
    ticks = _ticks(max(y for _, y in points))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - low) / (high - low or 1)
        return (
            round(_LEFT + across * (right - _LEFT), 1),
            round(bottom - y / ticks[-1] * (bottom - _TOP), 1),
        )

    parts = [_text(_LEFT, 20, panel.title, weight="bold")]
    for tick in ticks:
        _, y = at(xs[0], tick)
        parts.append(f'<path d="M{_LEFT} {y}H{right}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{tick:,g}", anchor="end"))
    for x in xs:
        parts.append(_text(at(x, 0)[0], bottom + 16, f"{x:g}", anchor="middle", size=10))
    parts.append(_text((_LEFT + right) / 2, _HEIGHT - 10, panel.x, anchor="middle"))
    parts.append(
        f'<text transform="translate(14 {(_TOP + bottom) / 2}) rotate(-90)" fill="#333" '
        f'text-anchor="middle">{escape(panel.y)}</text>'
    )
    ends = _apart([at(*series.points[-1])[1] for series in panel.series])
    for series, colour, end in zip(panel.series, _COLOURS, ends, strict=False):
        places = [at(*point) for point in series.points]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(right + 8, end + 4, series.name, colour=colour))
    return f'<g transform="translate({offset} 0)">\n' + "\n".join(parts) + "\n</g>"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = "#333",
    weight: str = "normal",
    size: int = 12,
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}" '
        f'font-size="{size}">{escape(text)}</text>'
    )


def _ticks(highest: float) -> list[float]:
    """Four to six round numbers from 0 to a little above the highest."""
    if highest <= 0:
        return [0, 1]
    magnitude = 10 ** math.floor(math.log10(highest / 5))
    step = next(one * magnitude for one in _STEPS if one * magnitude * 5 >= highest)
    return [round(number * step, 6) for number in range(math.ceil(highest / step) + 1)]


def _apart(ends: list[float]) -> list[float]:
    """Where the names stand, at least a line apart."""
    placed: dict[int, float] = {}
    last = -math.inf
    for number in sorted(range(len(ends)), key=ends.__getitem__):
        last = placed[number] = max(ends[number], last + 14)
    return [placed[number] for number in range(len(ends))]
