"""Figures of single images, as artists; and the page that shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.inspection import Embedding, Explained, ExplainedImage, FeatureMaps, Heatmap, ModelAnswer, Neighbours
from ablate.report.figures.drawing import png_of
from ablate.report.figures.images import (
    BarsInfo,
    MatrixInfo,
    PlaneInfo,
    Tile,
    TilesInfo,
    draw_bars,
    draw_matrix,
    draw_plane,
    draw_tiles,
)
from ablate.report.page.explanation import write_explanation

HOSTILE = ("$x_1$ costs $5", "_hidden", "安吉丽娜 <b>|", "a very long name that does not fit anywhere at all")
COLOUR = np.full((6, 4, 3), 200, np.uint8)
GREY = np.full((5, 5, 1), 100, np.uint8)


def test_a_wrong_answer_is_framed_and_crossed() -> None:
    """Not by colour alone; a right one has its class above it."""
    figure = draw_tiles(TilesInfo((Tile(COLOUR, ("cat", "dog"), False), Tile(GREY, ("cat", ""), True)), columns=8))
    (axes,) = figure.axes
    frames = [patch.get_linewidth() for patch in axes.patches]

    assert sorted(text.get_text() for text in axes.texts) == ["cat", "cat", "✗ dog"]
    assert frames[0] > frames[1]
    assert len(axes.images) == 2


def test_a_heatmap_lies_over_its_image() -> None:
    """At the same place, between zero and one."""
    (axes,) = draw_tiles(TilesInfo((Tile(COLOUR, ("cat",), None, np.zeros((6, 4))),), columns=3)).axes
    below, above = axes.images

    assert below.get_extent() == above.get_extent()
    assert above.get_clim() == (0, 1)


def test_the_matrix_counts_and_names() -> None:
    """One number per cell that is not empty; shares of the row as shades."""
    (axes,) = draw_matrix(MatrixInfo(np.array([[3, 1], [0, 2]]), ("cat", "dog"))).axes

    assert sorted(text.get_text() for text in axes.texts) == ["1", "2", "3"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0, 1]]


def test_every_class_has_a_mark_of_its_own() -> None:
    """A hundred classes: colour and shape together."""
    (axes,) = draw_plane(PlaneInfo(np.zeros((100, 2)), np.arange(100), tuple(map(str, range(100))))).axes
    marks = {(line.get_color(), line.get_marker()) for line in axes.lines}

    assert len(marks) == 100


@pytest.mark.parametrize("classes", [4, 60])
def test_names_of_any_kind_are_drawn_as_they_are(classes: int) -> None:
    """Dollars stay dollars, an underscore hides nothing; of very many classes none is named."""
    names = tuple((HOSTILE * 15)[:classes])
    counts = np.eye(classes, dtype=int)
    points = PlaneInfo(np.random.default_rng(0).normal(size=(classes, 2)), np.arange(classes), names)
    figure = draw_plane(points)

    assert bool(figure.legends) == (classes == 4)
    if figure.legends:
        assert "$x_1$ costs $5" in [text.get_text() for text in figure.legends[0].get_texts()]
        assert "_hidden" in [text.get_text() for text in figure.legends[0].get_texts()]
    for draw, info in (
        (draw_matrix, MatrixInfo(counts, names)),
        (draw_bars, BarsInfo(counts.sum(0), counts.sum(0), names)),
        (draw_plane, points),
        (draw_tiles, TilesInfo(tuple(Tile(GREY, (name, name)) for name in names), columns=4)),
    ):
        assert png_of(draw, info, dpi=40).startswith(b"\x89PNG")  # type: ignore[arg-type, misc]


def an_explanation(**changes: Any) -> Explained:
    """What was found of a network of two classes with one mistake."""
    shown = ExplainedImage("a.jpg", HOSTILE[0], COLOUR)
    answer = ModelAnswer(shown, "dog", False, 0.9)
    fields: dict[str, Any] = {
        "classes": (HOSTILE[0], "dog"),
        "images": 2,
        "metrics": {"accuracy": 0.5},
        "targets": np.array([0, 1]),
        "predicted": np.array([1, 1]),
        "true_counts": np.array([1, 1]),
        "said_counts": np.array([0, 2]),
        "grid": (answer, answer._replace(said=HOSTILE[0], is_right=True)),
        "maps": FeatureMaps("conv", shown, np.zeros((3, 2, 2)), 3),
        "heatmaps": (Heatmap(answer, np.zeros((6, 4)), np.ones((6, 4))),),
        "embedding": Embedding(np.zeros((2, 2)), np.array([0, 1]), 8),
        "neighbours": (Neighbours(answer, ((shown, 0.5),)),),
        "layers": {"conv": "3x2x2"},
        "last_map": "conv",
        "not_done": (),
    }
    return Explained(**(fields | changes))


def test_the_page_shows_every_figure_and_the_facts(tmp_path: Path) -> None:
    """And what was left by an earlier page is gone."""
    (tmp_path / "stale.png").write_bytes(b"old")
    page = write_explanation(an_explanation(), "s/$v/0", "It is reproduced.", tmp_path)
    text = page.read_text(encoding="utf-8")
    facts = json.loads((tmp_path / "explain.json").read_text(encoding="utf-8"))
    drawn = {path.name for path in tmp_path.glob("*.png")}

    assert drawn == {"grid.png", "confusion.png", "predicted.png", "gradcam.png", "tsne.png", "nearest.png", "maps.png"}
    assert all(f"]({name})" in text for name in drawn)
    assert "Right: 50.0 % of 2 test images. It is reproduced." in text
    html = (tmp_path / "explain.html").read_text(encoding="utf-8")
    assert html.count("data:image/png;base64,") == len(drawn)  # one file, to be sent to somebody
    assert '<h1 dir="auto">s/$v/0</h1>' in html
    assert "Content-Security-Policy" in html
    assert facts["confusion"] == [[0, 1], [0, 1]]
    assert facts["surest_mistakes"][0]["id"] == "a.jpg"


def test_what_does_not_apply_is_said_instead_of_drawn(tmp_path: Path) -> None:
    """Several labels, no convolution: the rest of the page is there."""
    bare = an_explanation(
        targets=None, predicted=None, maps=None, heatmaps=(), embedding=None, neighbours=(), not_done=("Not this.",)
    )
    text = write_explanation(bare, "s/v/0", "", tmp_path).read_text(encoding="utf-8")

    assert {path.name for path in tmp_path.glob("*.png")} == {"grid.png", "predicted.png"}
    assert "- Not this." in text
