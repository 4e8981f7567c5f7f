"""What every reader of logs promises: the same eight runs give the same answer, whichever package kept them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from scipy import stats

from ablate.errors import AblateError, StudyError
from ablate.report.facts.findings import Findings
from ablate.workflows.judge import Request, judge_results

LOGS = Path(__file__).parents[1] / "fixtures" / "logs"
PLAIN, NORMED = (90.2, 91.1, 89.7, 90.5), (92.1, 93.4, 92.9, 92.5)
"""The last accuracy of each seed in percent, as `tests/fixtures/logs/make.py` has it."""


class Source(NamedTuple):
    """Files with the eight runs. metric: what they call it. names: the two variants, as grouped without being told.

    by_name: whether these are told by the names of the runs alone.
    """

    path: Path
    metric: str
    names: tuple[str, str] = ("use_bn=false", "use_bn=true")
    by_name: bool = False


def judged(source: Path | str, **more: object) -> Findings:
    """The findings on one source."""
    return judge_results(Request(source=str(source), **more))  # type: ignore[arg-type]  # as the keywords say


class ReaderContract:
    """The promises; a subclass names its source."""

    source: Source

    def test_the_same_runs_give_the_same_answer(self) -> None:
        """Known answer: scipy's Welch test on the last value of each run."""
        findings = judged(self.source.path)
        (effect,) = findings.effects
        expected = stats.ttest_ind(NORMED, PLAIN, equal_var=False)

        assert {row.name: row.n for row in findings.variants} == dict.fromkeys(self.source.names, 4)
        assert findings.study.metric.name == self.source.metric
        assert effect.compared.reference == self.source.names[0]
        assert effect.measured.difference == pytest.approx(2.35, abs=1e-4)
        assert effect.decision.p == pytest.approx(expected.pvalue, rel=1e-4)
        assert effect.decision.verdict == "better"

    def test_runs_of_one_seed_are_paired(self) -> None:
        """Whatever the order in which the files are found."""
        found = judged(self.source.path, paired=True).effects[0].measured.by_replicate

        assert found == pytest.approx([b - a for a, b in zip(PLAIN, NORMED, strict=True)], abs=1e-4)

    def test_what_was_guessed_is_said(self) -> None:
        """What makes runs repeats, that the last value counts, and what was not taken as a parameter."""
        told = "\n".join(judged(self.source.path).notices.cautions)

        assert ("told by the names of the runs" if self.source.by_name else "variants differ in use_bn") in told
        assert ("say where or on what a run was made: out_dir" in told) is not self.source.by_name
        assert "replicates by seed" in told

    def test_the_variants_may_be_named(self) -> None:
        """--by takes a parameter, and answers one that is not there with those that are."""
        if self.source.by_name:
            return
        findings = judged(self.source.path, by="use_bn")

        assert [row.name for row in findings.variants] == [name.removeprefix("use_bn=") for name in self.source.names]
        with pytest.raises(StudyError, match="there is nothing called 'use_bm'") as refused:
            judged(self.source.path, by="use_bm")
        assert "use_bn" in refused.value.hint

    def test_a_metric_that_nobody_reports_is_answered_with_those_they_do(self) -> None:
        """In the hint."""
        with pytest.raises(StudyError, match="none of 8 reports 'kappa'") as refused:
            judged(self.source.path, metric="kappa")

        assert self.source.metric in refused.value.hint

    def test_every_cut_and_every_flipped_byte_is_an_answer_or_a_clear_error(self, tmp_path: Path) -> None:
        """Never a traceback, never a hang; a cut file is not read as if its run had ended there."""
        for change in ("cut", "flip"):
            for share in (0.0, 0.02, 0.31, 0.77, 0.999):
                copy, file = self._copied(tmp_path / f"{change}{share}")
                content = bytearray(file.read_bytes())
                place = int(share * len(content))
                if change == "cut":
                    file.write_bytes(content[:place])
                else:
                    content[place] ^= 0xFF
                    file.write_bytes(content)
                assert _answer(copy)

    def test_noise_in_place_of_a_file_is_refused(self, tmp_path: Path) -> None:
        """Bytes that are nothing."""
        copy, file = self._copied(tmp_path / "noise")
        file.write_bytes(bytes(range(256)) * 40)

        with pytest.raises(AblateError):
            judged(copy)

    def test_nothing_is_written(self, tmp_path: Path) -> None:
        """Somebody's files stay as they are."""
        copy, _ = self._copied(tmp_path / "kept")
        before = _contents(tmp_path)
        judged(copy)

        assert _contents(tmp_path) == before

    def _copied(self, folder: Path) -> tuple[Path, Path]:
        """A copy of the source, and one of its files that holds results."""
        folder.mkdir(parents=True)
        copy = folder / self.source.path.name
        if self.source.path.is_file():
            shutil.copy(self.source.path, copy)
            return copy, copy
        shutil.copytree(self.source.path, copy)
        files = sorted(path for path in copy.rglob("*") if path.is_file() and path.suffix != ".yaml")
        return copy, files[len(files) // 2]


def _answer(source: Path) -> str:
    """The verdict, or the remedy of a clear error."""
    try:
        return judged(source).effects[0].decision.verdict
    except AblateError as error:
        return error.hint


def _contents(folder: Path) -> Mapping[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
