"""What a new thing costs: the code files in which one that is there already is named."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest

from ablate.report.wording.language import LANGUAGES, Language, read_words
from ablate.report.wording.verdicts import VERDICTS
from ablate.stats.verdict import Verdict

PACKAGE = Path(__file__).parents[2] / "ablate"
NAMES_AGAIN = "training/config/__init__.py"
"""It gives names of blocks that are used in many places a shorter address; a new block needs no line there."""


@pytest.mark.parametrize(
    ("words", "files"),
    [
        pytest.param(
            "RandAugment|randaugment|rand_augment",
            {"config/augmentation.py", "data/augment/__init__.py", "data/augment/randaugment.py"},
            id="an augmentation",
        ),
        pytest.param("RmsProp|rmsprop", {"config/optimization.py", "techniques/optimizers.py"}, id="an optimizer"),
        pytest.param(
            "Resnet|make_resnet|resnet18",
            {"config/model.py", "models/__init__.py", "models/resnet.py", "parameters.py"},
            id="a family of networks",
        ),
        pytest.param(
            "CsvTable|list_table", {"config/data.py", "data/sources.py", "data/tables.py"}, id="a source of images"
        ),
    ],
)
def test_a_new_block_is_named_in_few_files(words: str, files: set[str]) -> None:
    """Its settings, what it does, and the one place that chooses; nothing else knows it by name."""
    named = re.compile(rf"\b(?:{words})\b")
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if named.search(path.read_text())}

    assert found - {NAMES_AGAIN} == {f"training/{name}" for name in files}


def test_every_verdict_has_its_line_in_the_table_of_how_it_is_shown() -> None:
    """Colour, glyph and what may be said of it stand together; no other verdict does."""
    assert list(VERDICTS) == list(get_args(Verdict))
    assert len({shown.glyph for shown in VERDICTS.values()}) == len(VERDICTS)
    assert len({shown.colour for shown in VERDICTS.values()}) == len(VERDICTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_has_its_words_and_its_hue(language: Language) -> None:
    """A verdict without them would be found by whoever first reads a report that gives it."""
    texts = read_words(language)
    style = (resources.files("ablate.report") / "templates" / "report.css").read_text(encoding="utf-8")

    for word, shown in VERDICTS.items():
        assert f"verdict.{word}" in texts
        assert f".v-{word} " in style
        assert not shown.sentence or {shown.sentence, f"clause.{word}"} <= set(texts)
