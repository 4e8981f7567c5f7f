"""Names in any script, whatever fonts this machine has: the tests bring a font of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from ablate.report import fonts
from ablate.report.fonts import drawable, families, forget_fonts, missing_font

NAME = "Ablate Test Han"
HAN, KANA, HANGUL = "安吉丽娜", "ジョリー", "안젤리나"


def write_font(path: Path, characters: str) -> None:
    """A font that draws a box for each of some characters."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 900))
    pen.lineTo((900, 900))
    pen.closePath()
    box = pen.glyph()
    names = [".notdef", *(f"u{ord(character):04x}" for character in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): f"u{ord(character):04x}" for character in characters})
    builder.setupGlyf(dict.fromkeys(names, box))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": NAME, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def no_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without a font for East Asian scripts."""
    monkeypatch.setattr(fonts, "EAST_ASIAN", ())
    forget_fonts()
    yield
    forget_fonts()


@pytest.fixture
def a_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine with one font, which has the signs of the tests."""
    path = tmp_path / "han.ttf"
    write_font(path, HAN + KANA + HANGUL)
    known = list(fontManager.ttflist)
    fontManager.addfont(str(path))
    monkeypatch.setattr(fonts, "EAST_ASIAN", ("Not Here", NAME))
    forget_fonts()
    yield
    fontManager.ttflist[:] = known
    forget_fonts()


@pytest.mark.usefixtures("a_font")
def test_names_are_drawn_by_the_fonts_that_have_them() -> None:
    """Chinese, Japanese and Korean fall back to the first font with their signs."""
    assert families() == ("DejaVu Sans", NAME)
    assert drawable(f"{HAN} {KANA} {HANGUL}") == f"{HAN} {KANA} {HANGUL}"
    assert missing_font([HAN, KANA, HANGUL, "plain"]) == ""


@pytest.mark.usefixtures("a_font")
def test_a_figure_with_such_names_warns_of_no_missing_glyph() -> None:
    """matplotlib itself finds the signs (its warning about a missing one would be an error here)."""
    from ablate.report.drawing import draw_levels, picture
    from ablate.report.figures import LevelRow, LevelsInfo

    rows = (LevelRow(f"{HAN} $5_{KANA}", 50.0, 40.0, 60.0, 3, None),)

    assert picture(draw_levels, LevelsInfo(rows, (0.0, 100.0), HANGUL, 0)).startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_font")
def test_without_such_a_font_the_warning_names_what_to_install() -> None:
    """It says which scripts, shows the signs, and ends in commands."""
    told = missing_font([HAN, HANGUL])

    assert drawable(f"a{HAN}") == "a□□□□"
    assert told.startswith("Figures show □ for Chinese and Korean characters")
    assert "安" in told
    assert "apt-get install fonts-noto-cjk" in told


@pytest.mark.usefixtures("no_font")
def test_latin_greek_and_cyrillic_need_no_further_font() -> None:
    """matplotlib's own font has them."""
    assert missing_font(["Zoë, Łukasz, Ωmega, Жук", "tab\tand control\x07"]) == ""
