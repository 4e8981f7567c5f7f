"""Two files of answers, without any study: paired image by image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.readers.answers import read_answers
from ablate.report.facts.findings import Findings
from ablate.workflows.judge import Request, judge_results


def written(path: Path, rows: list[str], heading: str = "id,target,predicted") -> Path:
    """A file of answers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def answers(path: Path, right: str, **more: str) -> Path:
    """A network that is right (1) or wrong (0) on images 0, 1, 2 ..., whose classes are cat and dog."""
    rows = [f"{i}.png,{'cat' if i % 2 else 'dog'},{_answer(i, one)}" for i, one in enumerate(right)]
    return written(path, rows, **more)


def _answer(i: int, right: str) -> str:
    return ("cat" if i % 2 else "dog") if right == "1" else ("dog" if i % 2 else "cat")


def judged(*paths: Path, **more: object) -> Findings:
    """The findings on several files."""
    first, *others = map(str, paths)
    return judge_results(Request(source=first, others=tuple(others), **more))  # type: ignore[arg-type]


def test_two_networks_are_compared_on_the_same_images(tmp_path: Path) -> None:
    """Known answer: 6 against 3 of 10 images, on which only one is right: McNemar's exact p is .25."""
    findings = judged(answers(tmp_path / "a.csv", "1110000000"), answers(tmp_path / "b.csv", "1111110000"))
    (effect,) = findings.effects

    assert [(row.name, row.mean) for row in findings.variants] == [("a", pytest.approx(30)), ("b", pytest.approx(60))]
    assert effect.measured.difference == pytest.approx(30)
    assert effect.measured.images == 10
    assert effect.decision.reason == "single run"
    assert any("exact p 0.250" in line for line in findings.notices.cautions)


def test_files_named_by_seed_are_runs_of_one_variant(tmp_path: Path) -> None:
    """Known answer: a gain of a tenth in each of four runs is found; the order of files and rows plays no part."""
    rng = np.random.default_rng(3)
    paths = []
    for seed in range(4):
        base = rng.random(400) < 0.6
        better = base | (rng.random(400) < 0.35)
        for name, right in (("plain", base), ("bn", better)):
            paths.append(answers(tmp_path / f"{name}_seed{seed}.csv", "".join("01"[int(one)] for one in right)))
    findings = judged(*paths)
    shuffled = judged(paths[0], *reversed(paths[1:]))

    assert [(row.name, row.n) for row in findings.variants] == [("plain", 4), ("bn", 4)]
    assert findings.effects[0].decision.verdict == "better"
    assert shuffled.effects[0].measured == findings.effects[0].measured


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """As trainers write them; the same file twice is no comparison."""
    one, two = answers(tmp_path / "plain" / "test.csv", "1100"), answers(tmp_path / "bn" / "test.csv", "1110")

    assert [row.name for row in judged(one, two).variants] == ["plain/test", "bn/test"]
    with pytest.raises(StudyError, match="given twice"):
        judged(one, one)


def test_images_without_an_answer_in_every_file_are_left_out_and_counted(tmp_path: Path) -> None:
    """They may be the hard ones."""
    findings = judged(answers(tmp_path / "a.csv", "1100"), answers(tmp_path / "b.csv", "111"))

    assert findings.effects[0].measured.images == 3
    assert any("not every file has an answer to them: 1 images" in line for line in findings.notices.cautions)


def test_groups_of_images_count_as_one_draw(tmp_path: Path) -> None:
    """From a column group."""
    rows = [f"{i},x,{'x' if i % 3 else 'y'},p{i // 2}" for i in range(12)]
    one = written(tmp_path / "a.csv", rows, "id,target,predicted,group")
    two = written(tmp_path / "b.csv", [row.replace(",y,", ",x,") for row in rows], "id,target,predicted,group")

    assert any("same group share their chance" in line for line in judged(one, two).notices.cautions)


@pytest.mark.parametrize(
    ("heading", "rows", "said"),
    [
        ("id,target,predicted", ["a,x,x", "b,x,y", "a,x,y"], r"a\.csv:4: image 'a' appears twice \(also in line 2\)"),
        ("id,target,predicted", ["a,x,x", "b,x,"], r"a\.csv:3: predicted is empty"),
        ("id,target,predicted", ["a,x,x", ",x,x"], r"a\.csv:3: id is empty"),
        ("id,target", ["a,x", "b,x"], r"a\.csv:1: there is no column predicted"),
        ("id,acc", ["a,x", "b,x"], r"no column target and no column predicted"),
        (
            "id,target,predicted,score",
            ["a,x,x,0.93", "b,x,y,0.6"],
            r"neither right \(1\) nor wrong \(0\): a probability",
        ),
        ("id,score", ["a,1", "b,7"], "is no score of an image"),
        ("id,target,predicted", [], "has no answers"),
    ],
)
def test_what_is_no_answer_is_refused_by_line(heading: str, rows: list[str], said: str, tmp_path: Path) -> None:
    """Two answers to one image, none, or a number that is no answer."""
    path = written(tmp_path / "a.csv", rows, heading)
    with pytest.raises(StudyError, match=said) as refused:
        judged(path, answers(tmp_path / "b.csv", "11"))

    assert refused.value.hint


def test_targets_that_differ_between_files_are_refused(tmp_path: Path) -> None:
    """Numbers of images that do not mean the same; `1.0` is `1`."""
    one = written(tmp_path / "a.csv", ["0,1.0,1", "1,0,0", "2,1,1"])
    with pytest.raises(StudyError, match=r"b\.csv:3: the target of image '1' is '1', and '0' in .*a\.csv:3"):
        judged(one, written(tmp_path / "b.csv", ["0,1,1", "1,1,1", "2,1,0"]))
    with pytest.raises(StudyError, match="share 0 images"):
        judged(one, written(tmp_path / "c.csv", ["x,1,1", "y,1,1"]))


def test_scores_may_stand_for_answers(tmp_path: Path) -> None:
    """1 for right and 0 for wrong, or words; parts only where a metric is named."""
    path = written(tmp_path / "a.csv", ["a,true", "b,False", "c,1"], "image,correct")

    assert list(read_answers(path).scores.values()) == [1, 0, 1]
    graded = written(tmp_path / "b.csv", ["a,x,x,0.5", "b,x,x,1"], "id,target,predicted,score")
    assert list(read_answers(graded, metric="credit").scores.values()) == [0.5, 1]


def test_several_sources_can_only_be_answers(tmp_path: Path) -> None:
    """And one file of answers alone compares nothing."""
    one = answers(tmp_path / "a.csv", "1100")
    with pytest.raises(StudyError, match="is no table of answers"):
        judged(one, tmp_path / "runs")
    with pytest.raises(StudyError, match="apply to tables and runs"):
        judged(one, one, by="x")
    with pytest.raises(StudyError, match="follows the accuracy, and no 'macro_f1'"):
        judged(one, answers(tmp_path / "b.csv", "1110"), metric="macro_f1")
    with pytest.raises(StudyError, match="holds the answers of one network"):
        judged(one)
    with pytest.raises(StudyError, match="a source of its own"):
        judge_results(Request(source="-", others=(str(one),)))
