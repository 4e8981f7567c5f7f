"""Fair tuning: every variant has the same search before its replicates are trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.session import open_session

STUDY = """\
study: tuned
trainer: ablate.toy:train
base: {skill: 50.0, epochs: 1, noise: 0.1}
one_at_a_time:
  A: {images: 300, noise: 0.2}
evidence: {test: {share: 0.2}, replicates: [2], val: 0.1}
tune: {space: {gain: {low: 0.0, high: 30.0}}, trials: 4}
"""


def a_study(folder: Path, text: str = STUDY) -> Path:
    path = folder / "tuned.yaml"
    path.write_text(text.replace("images: 300, ", ""), encoding="utf-8")
    return path


def test_every_variant_is_trained_with_what_its_own_search_chose(tmp_path: Path) -> None:
    """As many trials for each; the report has one line per variant; a second call does nothing."""
    path = a_study(tmp_path)
    options = Options(executor="inline", track=False)
    done = run_study(load_study(path), work=tmp_path, options=options)
    again = run_study(load_study(path), work=tmp_path, options=options)
    plan = open_session(load_study(path), tmp_path).plan
    rows = done.findings.exploratory.tuning

    assert [(row.variant, row.trials) for row in rows] == [("baseline", 4), ("only A", 4)]
    assert all(row.untuned is not None and row.value > row.untuned for row in rows)
    assert [variant.config["gain"] for variant in plan.variants] == [row.point["gain"] for row in rows]
    assert "What each variant was given to tune it" in done.report.read_text(encoding="utf-8")
    assert (done.trained, again.trained) == (4, 0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{share: 0.2}", "{folds: 3}", "needs a test part that no run trains on"),
        ("{gain: {low: 0.0, high: 30.0}}", "{noise: [0.1, 0.3]}", "'noise' is searched, and the factor 'A' sets"),
        ("{low: 0.0, high: 30.0}", "{low: 30.0, high: 0.0}", "is not below"),
        ("trials: 4", "trials: 0", "tune.trials"),
    ],
)
def test_a_tuning_that_would_not_be_fair_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Before anything is trained, and nothing is written."""
    path = a_study(tmp_path, STUDY.replace(old, new))

    with pytest.raises(StudyError) as refused:
        run_study(load_study(path), work=tmp_path, options=Options(executor="inline", track=False))
    assert said in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == ["tuned.yaml"]
