"""Every block of code on every page is carried out by a test, or says why not: what can be told in seconds."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablate.cli.loading import load
from ablate.errors import AblateError
from ablate.study.plan import make_plan
from tests.docs.blocks import OWN_TESTS, ROOT, Block, all_blocks
from tests.docs.places import FACES, PYTHON, STANDS_FOR, add_material, furnish

MOST_NOT_RUN = 10


def is_study(block: Block) -> bool:
    """Whether a block of YAML is a study or a part of one, and not the file of another program."""
    return not block.reason and block.page not in OWN_TESTS and (not block.file or is_whole(block.text))


def is_whole(text: str) -> bool:
    """Whether a block is a study and not a part of one."""
    return re.search(r"^study:", text, re.MULTILINE) is not None


BLOCKS = all_blocks()
YAML = [block for block in BLOCKS if block.language == "yaml" and is_study(block)]
TEX = ["begin", "documentclass", "end", "includegraphics", "input", "ref", "usepackage"]


def test_every_block_is_of_a_kind_that_is_carried_out() -> None:
    """A new page needs no test of its own, but each of its blocks says what it is (tests/docs/blocks.py)."""
    unknown = [f"{one.place}: ```{one.language} {one.note}".rstrip() for one in BLOCKS if not one.known]

    assert unknown == [], "say behind ``` what the block is: the kinds are listed at the top of tests/docs/blocks.py"


def test_few_blocks_are_not_carried_out() -> None:
    """Ten at most, on all pages; each with a reason of a few words."""
    reasons = {one.place: one.reason for one in BLOCKS if one.reason}

    assert len(reasons) <= MOST_NOT_RUN, reasons
    assert [place for place, reason in reasons.items() if len(reason) < 8] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where study files of the pages lie."""
    place = furnish(tmp_path_factory.mktemp("pages"))
    add_material(place)
    for block in BLOCKS:
        if block.file.endswith(".py"):
            (place / block.file).write_text(block.text, encoding="utf-8")
    return place


@pytest.mark.parametrize("block", YAML, ids=[block.place for block in YAML])
def test_every_study_on_a_page_can_be_planned(block: Block, folder: Path) -> None:
    """A whole one as it stands there; a part of one in a study of faces, below the parts further up on the page."""
    with chdir(folder):
        if is_whole(block.text):
            assert planned(block.text)
        else:
            assert part_planned(block)


def planned(text: str) -> object:
    """The variants of a study file of that text, beside those of the repository."""
    path = Path("studies", "page.yaml")
    path.write_text(text, encoding="utf-8")
    return make_plan(load(path, Path(), None, None)).variants


def part_planned(block: Block) -> object:
    """The variants with the block in a study of faces: with the page's former ones, else without them."""
    above = [one for one in YAML if one.page == block.page and one.line < block.line and not is_whole(one.text)]
    texts = [(*above, block), (block,)]
    try:
        return planned(joined(texts[0]))
    except AblateError:
        return planned(joined(texts[1]))


def joined(parts: Sequence[Block]) -> str:
    """The study of faces with the parts in their places; with another network, of a change that any has."""
    study: Any = yaml.safe_load(FACES)
    contents = [yaml.safe_load(one.text) for one in parts]
    if any("model" in (one.get("base") or {}) for one in contents):
        study["chain"] = {"Flip": {"augment.flip": {}}}
    for content in contents:
        study = merged(study, content)
    return yaml.safe_dump(study, sort_keys=False)


def merged(into: Any, what: Any, key: str = "") -> Any:
    """The second over the first, block by block; what is one choice of several is replaced."""
    if not (isinstance(into, dict) and isinstance(what, dict)) or key in {"test", "model", "source", "space"}:
        return what
    return into | {name: merged(into.get(name), value, name) for name, value in what.items()}


def test_tables_and_records_on_pages_can_be_read() -> None:
    """CSV with as many cells in each row, JSON that parses."""
    for block in BLOCKS:
        if block.file.endswith(".csv"):
            assert len({len(row) for row in csv.reader(block.text.splitlines())}) == 1, block.place
        if block.language == "json" or block.file.endswith(".json"):
            json.loads(block.text)


def test_latex_on_pages_uses_what_a_report_writes() -> None:
    """Its macros are in numbers.tex of the sample report, its files and labels beside it."""
    share = ROOT / "reports" / "sample" / "share"
    numbers = (share / "numbers.tex").read_text(encoding="utf-8")
    defined = set(re.findall(r"command\{?\\(\w+)", numbers))
    labels = re.findall(r"\\label\{([^}]*)\}", (share / "ablation.tex").read_text(encoding="utf-8"))
    for block in (one for one in BLOCKS if one.language == "latex" and not one.reason):
        assert set(re.findall(r"\\([A-Za-z]+)", block.text)) <= {*TEX, *defined}, block.place
        assert [
            name for name in re.findall(r"\\input\{(\w+)\}", block.text) if not (share / f"{name}.tex").exists()
        ] == []
        assert set(re.findall(r"\\ref\{([^}]*)\}", block.text)) <= set(labels), block.place


def test_what_stands_for_a_command_is_needed() -> None:
    """A substitute for words that no page has any more is removed."""
    text = "\n".join(block.text for block in BLOCKS if not block.reason)

    assert [words for words in STANDS_FOR if words not in text] == []
    assert [test for test in OWN_TESTS.values() if not (ROOT / test).is_file()] == []
    assert [page for page in [*PYTHON, *OWN_TESTS] if not (ROOT / page).is_file()] == []
