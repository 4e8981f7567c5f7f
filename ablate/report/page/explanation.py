"""The page about one finished run: figures and a few sentences, in Markdown and as HTML with the figures inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate import files
from ablate.inspection import Explained, Heatmap, ModelAnswer, Neighbours
from ablate.report.figures.fonts import missing_font
from ablate.report.page.blocks import Block, Bullets, Commands, Image, Page, Section, Sheet, Text
from ablate.report.page.html import html_page
from ablate.report.page.markdown import markdown_page
from ablate.report.tables.table import Column, table_of
from ablate.report.wording.language import ENGLISH

PAGE, HTML, FACTS = "explain.md", "explain.html", "explain.json"


def write_explanation(found: Explained, run: str, retest: str, folder: Path) -> Path:
    """Write explain.md, explain.html, explain.json and figures into the folder, the page last; its path.

    run: its name. retest: how the stored weights compare with the recorded accuracy, a sentence.
    """
    figures = list(_figures(found))
    for figure in figures:
        files.write_bytes(folder / figure.path, figure.content)
    for path in folder.glob("*.png"):
        if path.name not in {figure.path for figure in figures}:
            path.unlink()
    files.write_json(folder / FACTS, _facts(found, run))
    shown = explanation_page(found, run, retest, figures)
    files.write_text(folder / HTML, html_page(shown))
    files.write_text(folder / PAGE, markdown_page(shown))
    return folder / PAGE


def explanation_page(found: Explained, run: str, retest: str, figures: Sequence[Image]) -> Page:
    """The page from top to bottom."""
    accuracy = f"{100 * found.metrics['accuracy']:.1f} % of {found.images:,} test images"
    opening: list[Block] = [Text(f"Right: {accuracy}. {retest}", "lead")]
    if told := missing_font(found.classes):
        opening.append(Text(told, "warning"))
    if found.not_done:
        opening.append(Bullets(found.not_done))
    sections = [Section(figure.title, Path(figure.path).stem, (figure,)) for figure in figures]
    if found.layers:
        sections.append(Section("Layers that give feature maps", "layers", tuple(_layers(found.layers))))
    return Page(title=run, words=ENGLISH, opening=tuple(opening), sections=tuple(sections))


def _layers(layers: Mapping[str, str]) -> Iterator[Block]:
    columns = (Column("layer", "text", list(layers)), Column("channels x height x width", "text", [*layers.values()]))
    yield Sheet(table_of("Layers", columns))
    yield Commands(("ablate explain RUN --layer NAME",))


def _figures(found: Explained) -> Iterator[Image]:
    yield from _of_answers(found)
    yield from _of_features(found)


def _of_answers(found: Explained) -> Iterator[Image]:
    """What the network answered."""
    from ablate.report.figures import images
    from ablate.report.figures.drawing import png_of
    from ablate.report.figures.images import BarsInfo, MatrixInfo, TilesInfo

    if found.grid:
        tiles = TilesInfo(tuple(_tile(answer) for answer in found.grid), columns=8)
        right = sum(answer.is_right for answer in found.grid)
        yield Image(
            "grid.png",
            "Test images, truth and answer",
            f"{len(found.grid)} test images drawn by the hash of their names: {right} answered rightly. Above each "
            "its class, and below that, where it differs, the answer; wrong ones are framed in orange and marked ✗.",
            png_of(images.draw_tiles, tiles, dpi=images.DPI),
        )
    if found.targets is not None:
        counts = _confusion(found)
        yield Image(
            "confusion.png",
            "Confusion matrix",
            "Rows are true classes, columns answers; the darker, the larger the share of the row.",
            png_of(images.draw_matrix, MatrixInfo(counts, found.classes), dpi=images.DPI),
        )
    yield Image(
        "predicted.png",
        "Distribution of the predictions",
        "How many test images each class has, and how many answers name it.",
        png_of(images.draw_bars, BarsInfo(found.true_counts, found.said_counts, found.classes), dpi=images.DPI),
    )


def _of_features(found: Explained) -> Iterator[Image]:
    """What the answers rest on."""
    from ablate.report.figures import images
    from ablate.report.figures.drawing import png_of
    from ablate.report.figures.images import PlaneInfo, TilesInfo

    if found.heatmaps:
        tiles = TilesInfo(tuple(tile for heatmap in found.heatmaps for tile in _heat_tiles(heatmap)), columns=6)
        yield Image(
            "gradcam.png",
            "Grad-CAM of the most confident mistakes",
            "The wrong answers given with the largest probability. Beside each image what spoke for the answer, then "
            f"what spoke for the truth, at {found.last_map}: bright is much. A map shows "
            "where, not why; each is scaled to its own largest value.",
            png_of(images.draw_tiles, tiles, dpi=images.DPI),
        )
    if found.embedding is not None:
        place = found.last_map or "the last layer"
        plane = PlaneInfo(found.embedding.points, found.embedding.targets, found.classes)
        yield Image(
            "tsne.png",
            "Learned features in the plane",
            f"t-SNE of {len(found.embedding.points):,} test images' features ({found.embedding.vectors} numbers "
            f"each, averaged over {place}), coloured by true class. "
            "Which points are neighbours means something; distances between groups and their sizes do not.",
            png_of(images.draw_plane, plane, dpi=images.DPI),
        )
    if found.neighbours:
        columns = 1 + max(len(one.nearest) for one in found.neighbours)
        tiles = TilesInfo(tuple(tile for one in found.neighbours for tile in _like_tiles(one)), columns)
        yield Image(
            "nearest.png",
            "Nearest images",
            "First a test image, then the training images whose features are most like its own (cosine), framed "
            "green where they are of its class.",
            png_of(images.draw_tiles, tiles, dpi=images.DPI),
        )
    if found.maps is not None:
        shown = len(found.maps.values)
        tiles = TilesInfo(
            (_plain_tile(found.maps.image), *(images.Tile(one) for one in found.maps.values)), columns=9, inches=0.9
        )
        of = f"all {shown}" if shown == found.maps.channels else f"the first {shown} of {found.maps.channels}"
        yield Image(
            "maps.png",
            f"Feature maps of {found.maps.layer}",
            f"A test image, then what {of} channels of the layer make of it; each is stretched from its least value "
            "(black) to its largest (white).",
            png_of(images.draw_tiles, tiles, dpi=images.DPI),
        )


def _confusion(found: Explained) -> Any:
    from ablate.stats.accuracy import confusion_counts

    return confusion_counts(found.targets, found.predicted, len(found.classes))


def _tile(answer: ModelAnswer) -> Any:
    from ablate.report.figures.images import Tile

    lines = (answer.image.truth, "" if answer.is_right else answer.said)
    return Tile(answer.image.pixels, lines, answer.is_right)


def _plain_tile(image: Any) -> Any:
    from ablate.report.figures.images import Tile

    return Tile(image.pixels)


def _heat_tiles(heatmap: Heatmap) -> Iterator[Any]:
    from ablate.report.figures.images import Tile

    answer = heatmap.answer
    pixels = answer.image.pixels
    yield Tile(pixels, ("truth", answer.image.truth))
    yield Tile(pixels, (f"answer, {100 * answer.confidence:.0f} %", answer.said), is_right=False, heat=heatmap.for_said)
    yield Tile(pixels, ("for the truth", answer.image.truth), is_right=True, heat=heatmap.for_truth)


def _like_tiles(one: Neighbours) -> Iterator[Any]:
    from ablate.report.figures.images import Tile

    truth = one.answer.image.truth
    yield Tile(one.answer.image.pixels, ("test image", truth))
    for image, cosine in one.nearest:
        yield Tile(image.pixels, (f"{cosine:.2f}", image.truth), is_right=image.truth == truth)


def _facts(found: Explained, run: str) -> dict[str, Any]:
    """What the page says, as plain data."""
    return {
        "run": run,
        "images": found.images,
        "metrics": found.metrics,
        "classes": list(found.classes),
        "pictures": [int(count) for count in found.true_counts],
        "answers": [int(count) for count in found.said_counts],
        "confusion": None if found.targets is None else _confusion(found).tolist(),
        "surest_mistakes": [
            {
                "id": h.answer.image.id,
                "truth": h.answer.image.truth,
                "said": h.answer.said,
                "p": h.answer.confidence,
            }
            for h in found.heatmaps
        ],
        "nearest": [
            {"id": one.answer.image.id, "nearest": [{"id": p.id, "cosine": c} for p, c in one.nearest]}
            for one in found.neighbours
        ],
        "layer": found.maps.layer if found.maps else None,
        "layers": found.layers,
        "not_done": list(found.not_done),
    }
