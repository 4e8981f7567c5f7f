"""A figure as bytes, as PNG or in vectors, whatever fonts and TeX settings the user's own matplotlib has."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ablate.report.figures.fonts import drawable, families, look_for, quiet_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Info = TypeVar("Info")
Format = Literal["png", "pdf", "svg"]

SETTINGS: Mapping[str, Any] = {
    "text.usetex": False,
    "pdf.fonttype": 42,  # TrueType, embedded: journals refuse Type 3
    "svg.fonttype": "path",  # letters as outlines, which look the same everywhere
    "svg.hashsalt": "ablate",  # the same figure gives the same bytes
}
METADATA: Mapping[Format, Mapping[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
"""What is left out of files: when and by what they were made."""


def saved_as(
    draw: Callable[[Info], Figure], info: Info, formats: Mapping[Format, Mapping[str, Any]]
) -> Mapping[Format, bytes]:
    """The figure in each of the formats, drawn once. formats: what saving in each takes, such as dots an inch.

    Whoever draws writes names as they are; what no font here has becomes □ in this one place.
    """
    with quiet_matplotlib():
        from matplotlib import rc_context

        settings: Any = {**SETTINGS, "font.family": list(families())}
        with rc_context(settings):
            figure = draw(info)
        if look_for(_texts(figure)):  # a font was found, and has to be told to every text
            settings |= {"font.family": list(families())}
            with rc_context(settings):
                figure = draw(info)
        with rc_context(settings):
            _make_drawable(figure)
            return {name: _saved(figure, name, options) for name, options in formats.items()}


def _saved(figure: Figure, name: Format, options: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    metadata: Any = dict(METADATA[name])
    figure.savefig(stream, format=name, metadata=metadata, **options)
    return stream.getvalue()


def _texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    written = [item.get_text() for item in figure.findobj(Text)]
    return [*written, *(text for axis in _axes_of(figure) for text in _tick_texts(axis))]


def _make_drawable(figure: Figure) -> None:
    from matplotlib.text import Text

    for axis in _axes_of(figure):
        names = _tick_texts(axis)
        if (shown := [drawable(name) for name in names]) != names:
            axis.set_ticklabels(shown)  # ticks write their labels anew whenever they are drawn
    for item in figure.findobj(Text):
        if (shown_text := "\n".join(map(drawable, item.get_text().split("\n")))) != item.get_text():
            item.set_text(shown_text)


def _axes_of(figure: Figure) -> list[Any]:
    return [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]


def _tick_texts(axis: Any) -> list[str]:
    """The words at an axis's ticks; none where they are numbers."""
    from matplotlib.ticker import FixedLocator

    if not isinstance(axis.get_major_locator(), FixedLocator):
        return []
    return [item.get_text() for item in axis.get_ticklabels()]
