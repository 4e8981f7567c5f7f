"""Verdicts on data frames: what the same table in a file says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ablate
from ablate.errors import StudyError
from ablate.report.page.summary_json import summary_json
from ablate.workflows.judge import Request, judge_results

TABLE = """\
variant,seed,accuracy
baseline,0,0.912
baseline,1,0.905
baseline,2,0.909
wide,0,0.941
wide,1,0.938
wide,2,
wide,3,0.9375
"""


EVIL = "<img src=x onerror=alert(1)>"


class Frame:
    """Columns by name, as other packages than pandas have them."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        """The columns."""
        self.columns, self._cells = list(columns), columns

    def __getitem__(self, name: str) -> list[Any]:
        """One column."""
        return self._cells[name]


def frames() -> dict[str, Any]:
    """The table in every form."""
    frame = pd.read_csv(io.StringIO(TABLE))
    return {
        "pandas": frame,
        "indexed": frame.set_index(["variant", "seed"]),
        "single precision": frame.astype({"accuracy": np.float64, "seed": "Int64", "variant": "category"}),
        "columns": {name: frame[name].tolist() for name in frame},
        "rows": frame.to_dict("records"),
        "other": Frame({name: frame[name].tolist() for name in frame}),
    }


@pytest.mark.parametrize("form", frames())
def test_a_frame_is_judged_as_its_file_is(form: str, tmp_path: Path) -> None:
    """The same numbers and verdicts; what is missing is a run without a result."""
    path = tmp_path / "frame.csv"
    path.write_text(TABLE, encoding="utf-8")
    known = summary_json(judge_results(Request(source=str(path))))
    judged = ablate.judge(frames()[form])
    found = judged.to_dict()

    assert found["variants"] == known["variants"]
    assert found["effects"] == known["effects"]
    assert [row.decision.verdict for row in judged.effects] == ["better"]


def test_a_path_is_read_as_the_command_reads_it(tmp_path: Path) -> None:
    """One function for both."""
    path = tmp_path / "results.csv"
    path.write_text(TABLE, encoding="utf-8")

    assert ablate.judge(path).findings == judge_results(Request(source=str(path)))


def test_answers_image_by_image_count_as_such() -> None:
    """True and false are right and wrong."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        [
            {"variant": name, "fold": fold, "image": f"{fold}-{i}", "correct": bool(rng.random() < share)}
            for name, share in (("baseline", 0.5), ("wide", 0.8))
            for fold in range(3)
            for i in range(50)
        ]
    )
    found = ablate.judge(frame, baseline="baseline", no_worse=2.0).to_dict()

    assert found["effects"][0]["images"] == 150
    assert found["effects"][0]["no_worse"]["word"] == "non_inferior"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (3, "int is no table"),
        ({"variant": ["a", "b"], "accuracy": [0.5]}, "different lengths"),
        (pd.DataFrame([["a", 1, 2]], columns=["variant", "x", "x"]), "the column 'x' appears twice"),
        ({"variant": ["a", "b"], "seed": [0, 0], "accuracy": [0.5, "high"]}, "frame:2: accuracy 'high' is not a"),
        ({}, "frame: has no results"),
        ([], "frame: has no results"),
    ],
)
def test_what_cannot_be_read_is_named_by_row_and_column(table: Any, message: str) -> None:
    """Counted from 1; `frame` stands where a file's name would."""
    with pytest.raises(StudyError, match=message):
        ablate.judge(table)


def test_a_prompt_shows_the_sentence_and_the_comparisons() -> None:
    """As text, in columns; what the table does not tell stands below."""
    shown = repr(ablate.judge(frames()["pandas"]))

    assert "wide" in shown
    assert "better" in shown
    assert "\n- " in shown


def test_a_notebook_shows_names_as_text() -> None:
    """Whatever they hold."""
    rows = {
        "variant": ["a", "a", EVIL, EVIL],
        "seed": [0, 1, 0, 1],
    }
    shown = ablate.judge(rows | {"accuracy": [0.5, 0.52, 0.7, 0.71]})._repr_html_()

    assert "<img" not in shown
    assert "&lt;img src=x" in shown
    assert "<svg" in shown


def test_the_report_is_the_command_s(tmp_path: Path) -> None:
    """With tables."""
    page = ablate.judge(frames()["pandas"]).write_report(tmp_path / "report")

    assert page.with_suffix(".html").is_file()
