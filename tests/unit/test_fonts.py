"""Names in any script, whatever fonts this machine has: the tests bring a font of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from ablate.report.figures import drawing, fonts
from ablate.report.figures.fonts import drawable, families, forget_fonts, missing_font
from ablate.report.wording.language import words_of

NAME = "Ablate Test Han"
HAN, KANA, HANGUL = "安吉丽娜", "ジョリー", "안젤리나"


def write_font(path: Path, characters: str, name: str = NAME) -> None:
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
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def no_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine with matplotlib's own fonts alone; the folder in which it would find others."""
    known = list(fontManager.ttflist)
    fontManager.ttflist[:] = [entry for entry in known if "mpl-data" in entry.fname]
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.delenv("MPL_IGNORE_SYSTEM_FONTS", raising=False)
    monkeypatch.setattr(font_manager, "_get_fontconfig_fonts", list)
    for name in ("X11FontDirectories", "OSXFontDirectories"):
        monkeypatch.setattr(font_manager, name, [str(folder)])
    forget_fonts()
    yield folder
    fontManager.ttflist[:] = known
    forget_fonts()


@pytest.fixture
def a_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine with one font, which has the signs of the tests."""
    monkeypatch.delenv("MPL_IGNORE_SYSTEM_FONTS", raising=False)
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
    from ablate.report.figures.drawing import draw_levels, png_of
    from ablate.report.figures.numbers import LevelRow, LevelsInfo

    rows = (LevelRow(f"{HAN} $5_{KANA}", 50.0, 40.0, 60.0, 3, None),)

    assert png_of(draw_levels, LevelsInfo(rows, (0.0, 100.0), HANGUL, 0)).startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_font")
def test_without_such_a_font_the_warning_names_what_to_install() -> None:
    """It says which scripts, shows the signs, and ends in commands."""
    told = missing_font([HAN, HANGUL])

    assert drawable(f"a{HAN}") == "a□□□□"
    assert told.startswith("Figures show □ for Chinese and Korean characters")
    assert "安" in told
    assert "apt-get install fonts-noto-cjk" in told


@pytest.mark.usefixtures("no_font")
def test_the_warning_is_in_the_language_of_its_report() -> None:
    """Chinese, with the same commands."""
    told = missing_font([HAN, HANGUL], words_of("zh"))

    assert told.startswith("图中以 □ 代替中文 和 韩文字符")
    assert "apt-get install fonts-noto-cjk" in told


@pytest.mark.usefixtures("no_font")
def test_latin_greek_and_cyrillic_need_no_further_font() -> None:
    """matplotlib's own font has them."""
    assert missing_font(["Zoë, Łukasz, Ωmega, Жук", "tab\tand control\x07"]) == ""


@pytest.mark.parametrize("name", ["Noto Sans CJK SC", "LXGW WenKai"])
def test_a_font_that_is_installed_later_is_found(no_font: Path, name: str) -> None:
    """The remedy works: the machine is looked at again, though matplotlib's list of fonts is older."""
    assert missing_font([HAN])

    write_font(no_font / "later.ttf", HAN, name)

    assert missing_font([HAN]) == ""
    assert drawable(HAN) == HAN
    assert families() == ("DejaVu Sans", name)


def test_any_script_is_drawn_where_some_font_has_it(no_font: Path) -> None:
    """Not Chinese, Japanese and Korean alone: whatever font has the character is taken."""
    write_font(no_font / "thai.ttf", "แมว", "A Thai Font")

    assert missing_font(["แมว"]) == ""


@pytest.mark.usefixtures("no_font")
def test_a_font_that_shows_everything_as_boxes_is_not_taken() -> None:
    """matplotlib ships one for the last resort; a box would pass as the character."""
    told = missing_font(["แมว"])

    assert drawable("แมว") == "□" * 3
    assert "https://fonts.google.com/noto" in told
    assert "CJK" not in told


@pytest.mark.usefixtures("no_font")
def test_a_broken_font_file_is_passed_over(no_font: Path) -> None:
    """What matplotlib cannot read is no font."""
    (no_font / "broken.ttf").write_bytes(b"nothing of the kind")

    assert missing_font([HAN])


def _everywhere(name: str) -> Figure:
    """A figure with a name in every place that has words."""
    figure = drawing.new_figure(4, 3)
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
    axes.plot([0, 1], [0, 1], label=name)
    axes.set_xlabel(f"{name} (%)", weight="bold")
    axes.set_ylabel(name)
    axes.set_title(f"{name}\n{name}")
    axes.set_xticks([0, 1], [name, "plain"])
    axes.annotate(name, (0, 0))
    axes.legend(title=name)
    figure.suptitle(name)
    return figure


@pytest.mark.usefixtures("no_font")
def test_no_text_of_a_figure_makes_matplotlib_warn() -> None:
    """Labels, ticks, legends, notes and titles: what cannot be drawn is □ (a warning would be an error here)."""
    assert drawing.png_of(_everywhere, "准确率").startswith(b"\x89PNG")


def test_a_figure_uses_a_font_that_was_installed_after_the_last_one(
    no_font: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing has to be started again, and matplotlib says nothing about a weight the font does not have."""
    before = drawing.png_of(_everywhere, HAN)
    write_font(no_font / "later.ttf", HAN)
    missing_font([HAN])

    assert drawing.png_of(_everywhere, HAN) != before
    assert not caplog.records
