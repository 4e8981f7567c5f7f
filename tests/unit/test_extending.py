"""`extends:` and `from:`: a study that begins where a variant of another one ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.study.study import Study

PARENT = """\
study: parent
question: Which?
trainer: ablate.toy:train
base: {skill: 60.0, noise: 2.0}
chain:
  A: {gain: 5.0}
  B: {noise: 1.0}
evidence: {test: {folds: 3}, replicates: [3], families: {all of them: [A, B]}}
"""


def child(folder: Path, text: str, parent: str = PARENT) -> Study:
    (folder / "parent.yaml").write_text(parent, encoding="utf-8")
    path = folder / "child.yaml"
    path.write_text(f"study: child\nextends: parent.yaml\n{text}", encoding="utf-8")
    return load_study(path)


SEARCH = "search: {space: {epochs: {low: 1, high: 5}}}\n"


def test_a_search_starts_from_a_variant_of_another_study(tmp_path: Path) -> None:
    """The variant's config is the base; the design that led there stays behind, the evidence does not."""
    study = child(tmp_path, f"from: A\n{SEARCH}", PARENT.replace(", families: {all of them: [A, B]}", ""))
    parent = load_study(tmp_path / "parent.yaml")
    base, there = make_plan(study).variants[0], make_plan(parent).variant("A")

    assert (base.name, base.config, base.identity) == ("baseline", there.config, there.identity)
    assert study.factors == ()
    assert study.evidence.replicates == [3]
    assert study.question == "Which?"


def test_without_a_variant_the_design_comes_along(tmp_path: Path) -> None:
    """So that the factors of a study can be searched in a file of their own."""
    study = child(tmp_path, "search: {factors: searched}\n", PARENT.replace(", families: {all of them: [A, B]}", ""))

    assert [factor.name for factor in study.factors] == ["A", "B"]


def test_what_the_file_says_itself_holds(tmp_path: Path) -> None:
    """Key by key at the top level."""
    parent = PARENT.replace(", families: {all of them: [A, B]}", "")
    study = child(tmp_path, f"question: Else?\nevidence: {{test: {{share: 0.2}}, replicates: [2]}}\n{SEARCH}", parent)

    assert study.question == "Else?"
    assert study.evidence.replicates == [2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from: C\n", "child.yaml:3: the study 'parent' has no variant 'C'"),
        ("base: {skill: 1.0}\n", "child.yaml:3: base: beside extends:"),
    ],
)
def test_what_cannot_be_extended_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With the line of the file that asks."""
    with pytest.raises(StudyError) as refused:
        child(tmp_path, text + SEARCH, PARENT.replace(", families: {all of them: [A, B]}", ""))
    assert said in str(refused.value)


def test_a_missing_file_and_a_circle_are_refused(tmp_path: Path) -> None:
    """A file that extends itself, directly or not, has no base."""
    path = tmp_path / "a.yaml"
    path.write_text(f"study: a\nextends: gone.yaml\n{SEARCH}", encoding="utf-8")
    with pytest.raises(StudyError, match="there is not a study file"):
        load_study(path)
    (tmp_path / "b.yaml").write_text(f"study: b\nextends: a.yaml\n{SEARCH}", encoding="utf-8")
    path.write_text(f"study: a\nextends: b.yaml\n{SEARCH}", encoding="utf-8")
    with pytest.raises(StudyError, match="extends itself"):
        load_study(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/passwd", r"'/etc/passwd' is not a study file.*\.yaml or \.yml"),
        ("../" * 30 + "etc/shadow", "is not a study file"),
        ("x" * 5000 + ".yaml", "there is not a study file"),
        (".", "is not a study file"),
    ],
)
def test_no_other_file_is_read_as_a_study(name: str, words: str, tmp_path: Path) -> None:
    """A message about it would quote what it holds."""
    path = tmp_path / "child.yaml"
    path.write_text(f"study: child\nextends: {name}\n", encoding="utf-8")

    with pytest.raises(StudyError, match=words):
        load_study(path)


def test_from_without_extends_is_refused(tmp_path: Path) -> None:
    """There is no file that could have the variant."""
    path = tmp_path / "child.yaml"
    path.write_text("study: child\nfrom: A\n", encoding="utf-8")

    with pytest.raises(StudyError, match=r"child\.yaml:2: from: without extends:"):
        load_study(path)


def test_extends_names_one_file(tmp_path: Path) -> None:
    """A list is none."""
    path = tmp_path / "child.yaml"
    path.write_text("study: child\nextends: [parent.yaml]\n", encoding="utf-8")

    with pytest.raises(StudyError, match="expected the path of a study file"):
        load_study(path)


def test_a_parent_without_evidence_leaves_its_design_behind_all_the_same(tmp_path: Path) -> None:
    """There are no families to leave out."""
    bare = PARENT[: PARENT.index("evidence:")]
    study = child(tmp_path, "chain: {C: {gain: 1.0}}\nevidence: {test: {folds: 2}, replicates: [2]}\n", bare)

    assert [factor.name for factor in study.factors] == ["C"]
