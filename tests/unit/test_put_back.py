"""What was found in the data on another machine, where the data are not here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ablate.harness.data_check import restore_findings
from ablate.study.load import load_study
from ablate.workflows.session import Session, open_session

STUDY = """\
study: pets
base:
  data: {source: {name: image_folder, root: pets}, classes: 2, image_size: 16, channels: 3,
         normalize: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}, train: 0.5}
  model: {name: vgg, blocks: [1], width: 4, norm: null, dropout: null, head: {name: fc, hidden: [8], pool: 2}}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 8
  epochs: 2
chain: {slow: {optimizer.lr: 1e-4}}
evidence: {test: {folds: 2}, replicates: [2]}
"""
FOUND: dict[str, Any] = {
    "classes": ["cat", "dog"], "counts": {"train": 10}, "digest": "d", "notes": [], "unreadable": [],
    "weights_digest": "",
}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder with the study file, which also is the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def session_in(work: Path) -> Session:
    return open_session(load_study(work / "pets.yaml"), work)


def put(work: Path, told: Any) -> Session:
    """The session after something was put back."""
    before = session_in(work)
    restore_findings(before.plan, before.store, before.source, told, before.places)
    return session_in(work)


def test_what_was_found_elsewhere_holds_until_the_data_are_here(work: Path) -> None:
    """Classes and counts are known without an image; the first image asks for a look of one's own."""
    known = put(work, {"baseline": FOUND, "slow": FOUND})
    (work / "pets").mkdir()

    assert known.prepared["slow"].classes == ("cat", "dog")
    assert known.prepared["baseline"].digest == "d"
    assert session_in(work).prepared == {}


def test_data_that_are_here_are_looked_at_themselves(work: Path) -> None:
    """Nothing from elsewhere is believed of them."""
    (work / "pets").mkdir()

    assert put(work, {"baseline": FOUND}).prepared == {}


@pytest.mark.parametrize("told", [None, [], {"baseline": 1}, {"baseline": {}}, {"baseline": FOUND | {"odd": 1}}])
def test_what_has_another_form_is_passed_over(work: Path, told: Any) -> None:
    """It comes from outside."""
    assert put(work, told).prepared == {}
