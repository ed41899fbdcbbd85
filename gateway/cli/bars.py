"""Bars in groups, as a picture: SVG by hand, PNG where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from gateway.errors import RequestError

_WIDTH, _LABEL, _LONGEST = 900, 250, 360  # pixels: of all, of the names, of the longest bar
_LINE, _GAP, _MARGIN = 22, 16, 20
_NAMES, _FIGURES, _BAR, _BEFORE = "#1f2933", "#52606d", "#2f6f9f", "#d64545"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        name: to its left.
        length: 0 to 1.
        before: where a mark stands, 0 to 1; None for none.
        figure: to its right.
    """

    name: str
    length: float
    before: float | None
    figure: str


@dataclass(frozen=True, slots=True)
class Group:
    """Bars under one title."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class _Text:
    x: float
    y: float
    text: str
    colour: str
    bold: bool = False


def check_picture(file: Path) -> None:
    """Refuse a file that no picture can be written to.

    Raises:
        RequestError: BAD_FIELD; it says what to install for PNG.
    """
    if file.suffix not in (".svg", ".png"):
        raise RequestError("BAD_FIELD", f"{file.name}: must end in .svg or .png")
    if file.suffix == ".png":
        try:
            import matplotlib  # noqa: F401  # an extra, and slow to load
        except ImportError as error:
            raise RequestError(
                "BAD_FIELD", f"{file.name}: PNG needs matplotlib: pip install 'assent-gateway[plot]', or name an .svg"
            ) from error


def draw(title: str, groups: Sequence[Group], file: Path) -> None:
    """Write a picture whole or not at all.

    Raises:
        RequestError: BAD_FIELD when the file cannot be written.
    """
    shapes = list(_shapes(title, groups))
    height = max(shape.y for shape in shapes) + _MARGIN
    part = file.with_name(f".{file.name}.part")
    try:
        if file.suffix == ".png":
            _png(shapes, height, part)
        else:
            part.write_text(svg(shapes, height), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RequestError("BAD_FIELD", f"cannot write {file.name}: {error.strerror}; nothing was written") from error


def _shapes(title: str, groups: Sequence[Group]) -> Iterator[_Box | _Text]:
    """Lay everything out from above; y of a text is its base line."""
    y = _MARGIN + 14.0
    yield _Text(_MARGIN, y, title, _NAMES, bold=True)
    for group in groups:
        y += _LINE + _GAP
        yield _Text(_MARGIN, y, group.title, _NAMES, bold=True)
        for bar in group.bars:
            y += _LINE
            yield _Text(_MARGIN, y, bar.name, _NAMES)
            width = _LONGEST * bar.length
            yield _Box(_LABEL, y - 12, width, 15, _BAR)
            if bar.before is not None:
                yield _Box(_LABEL + _LONGEST * bar.before - 1, y - 15, 2, 21, _BEFORE)
            yield _Text(_LABEL + max(width, _LONGEST * (bar.before or 0)) + 8, y, bar.figure, _FIGURES)


def svg(shapes: Sequence[_Box | _Text], height: float) -> str:
    """Write shapes as a picture that any browser shows."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {_WIDTH} {height:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for shape in shapes:
        if isinstance(shape, _Box):
            lines.append(
                f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" '
                f'fill="{shape.colour}"/>'
            )
        else:
            weight = ' font-weight="bold"' if shape.bold else ""
            text = escape(shape.text, quote=False)
            lines.append(f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" fill="{shape.colour}"{weight}>{text}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _png(shapes: Sequence[_Box | _Text], height: float, file: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(_WIDTH / 100, height / 100), dpi=200)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(height, 0)
    axes.axis("off")
    for shape in shapes:
        if isinstance(shape, _Box):
            axes.add_patch(Rectangle((shape.x, shape.y), shape.width, shape.height, color=shape.colour, linewidth=0))
        else:
            weight = "bold" if shape.bold else "normal"
            axes.text(shape.x, shape.y, shape.text, color=shape.colour, fontsize=9, fontweight=weight)
    figure.savefig(file, format="png")
