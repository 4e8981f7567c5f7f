"""How the columns, numbers and units of somebody's table are read: the rules of docs/judge.md."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ablate.errors import StudyError
from ablate.report.facts.findings import Findings
from ablate.report.page.render import render_report
from ablate.report.wording.headline import first_sentence
from ablate.workflows.judge import Request, judge_results


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Where a test writes its table."""
    return tmp_path / "results.csv"


def judged(table: Path, text: str, **more: object) -> Findings:
    """The findings on a table of this text."""
    table.write_text(text, encoding="utf-8")
    return judge_results(Request(source=str(table), **more))  # type: ignore[arg-type]  # as the keywords say


def means(findings: Findings) -> dict[str, float]:
    """Each variant's mean as shown, rounded."""
    return {row.name: round(row.mean, 6) for row in findings.variants if row.mean is not None}


def rows(heading: str, a: tuple[str, str], b: tuple[str, str]) -> str:
    """Two variants with two seeds each."""
    return f"model,seed,{heading}\na,0,{a[0]}\na,1,{a[1]}\nb,0,{b[0]}\nb,1,{b[1]}\n"


# --- units ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "a", "b", "expected"),
    [
        ("error_rate", ("0.95%", "0.91%"), ("0.81%", "0.79 %"), {"a": 0.93, "b": 0.80}),
        ("accuracy", ("99.1%", "0.991"), ("99.3%", "0.993"), {"a": 99.1, "b": 99.3}),
        ("accuracy", ("0.5", "0.7"), ("1", "1.0"), {"a": 60, "b": 100}),
        ("accuracy", ("50", "0"), ("91", "93"), {"a": 25, "b": 92}),
        ("error (%)", ("0.5", "0.7"), ("0.1", "0.3"), {"a": 0.6, "b": 0.2}),
        ("error_rate [%]", ("0.9", "1.1"), ("0.1", "0.3"), {"a": 1.0, "b": 0.2}),
        ("acc[%]", ("90", "92"), ("93", "95"), {"a": 91, "b": 94}),
        ("accuracy_pct", ("90", "92"), ("93", "95"), {"a": 91, "b": 94}),
        ("accuracy (fraction)", ("0.90", "0.92"), ("0.93", "0.95"), {"a": 91, "b": 94}),
        ("accuracy", ("180/200", "92 %"), ("0.93", "95%"), {"a": 91, "b": 94}),
    ],
)
def test_a_mark_counts_for_its_cell_and_a_heading_for_its_column(
    heading: str, a: tuple[str, str], b: tuple[str, str], expected: dict[str, float], table: Path
) -> None:
    """Shown in percent, whatever each cell was written in."""
    assert means(judged(table, rows(heading, a, b))) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("heading", "a", "b"),
    [
        ("accuracy", ("0.91", "0.92"), ("93.5", "94")),
        ("accuracy", ("91", "1"), ("93.5", "94")),
        ("error_rate", ("0.9", "1.2"), ("0.8", "1.1")),
        ("error_rate", ("0.95%", "0.93"), ("0.81%", "0.8")),
        ("accuracy (%)", ("0.91", "0.92"), ("93.5", "94")),
        ("mIoU", ("0.52", "0.53"), ("55.1", "56")),
        ("mIoU", ("52 %", "53"), ("55.1", "56")),
    ],
)
def test_two_units_in_a_column_are_refused_with_the_remedy(
    heading: str, a: tuple[str, str], b: tuple[str, str], table: Path
) -> None:
    """Both cells are named, by line, column and value."""
    metric = None if "mIoU" not in heading else heading
    with pytest.raises(StudyError, match=rf"results.csv:\d: .* and .*results.csv:\d: {heading[:4]}") as refused:
        judged(table, rows(heading, a, b), metric=metric)

    assert "--unit percent" in refused.value.hint


def test_unit_settles_what_the_numbers_leave_open(table: Path) -> None:
    """And it is said."""
    findings = judged(table, rows("error_rate", ("0.9", "1.2"), ("0.8", "1.1")), unit="percent")

    assert means(findings) == pytest.approx({"a": 1.05, "b": 0.95})
    assert any("as --unit says" in line for line in findings.notices.cautions)


@pytest.mark.parametrize("heading", ["accuracy (%)", "top1 [%]", "test_acc_pct"])
def test_fractions_under_a_heading_that_says_percent_are_asked_about(heading: str, table: Path) -> None:
    """An accuracy of less than 1 % in every run is more often a fraction under a heading of another table."""
    text = rows(heading, ("0.912", "0.915"), ("0.941", "0.944"))
    metric = heading.split(" ")[0].removesuffix("_pct")
    with pytest.raises(StudyError, match="less than 1 %, or fractions") as refused:
        judged(table, text, metric=metric)
    assert "--unit fraction" in str(refused.value.hint)
    assert means(judged(table, text, metric=metric, unit="fraction")) == {"a": 91.35, "b": 94.25}
    assert means(judged(table, text, metric=metric, unit="percent")) == {"a": 0.9135, "b": 0.9425}


@pytest.mark.parametrize("bad", ["101.5", "-0.2", "250 %", "-3%"])
def test_no_rate_lies_outside_0_to_100_percent(bad: str, table: Path) -> None:
    """The cell is named."""
    with pytest.raises(StudyError, match=rf"results.csv:2: accuracy '{bad}' is not a value of accuracy"):
        judged(table, rows("accuracy", (bad, "50 %"), ("60 %", "61 %")))


def test_a_loss_may_lie_on_both_sides_of_1(table: Path) -> None:
    """It has a unit of its own, and one run may have diverged."""
    findings = judged(table, rows("loss", ("0.9", "1.2"), ("0.8", "50")), metric="loss")

    assert means(findings) == pytest.approx({"a": 1.05, "b": 25.4})


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", ["10000", '"10,000"', "10 000", "10\u202f000", "10'000", "10\u2019000", "10_000"])
def test_thousands_are_read_however_they_are_set_off(n: str, table: Path) -> None:
    """9,120 of 10,000."""
    text = f'model,seed,correct,n\na,0,"9,120",{n}\na,1,9150,{n}\nb,0,9420,{n}\nb,1,9400,{n}\n'

    assert means(judged(table, text)) == pytest.approx({"a": 91.35, "b": 94.1})


@pytest.mark.parametrize(("text", "value"), [("91,4", 91.4), ("91,412", 91.412), ("0,914", 91.4), ("91,4 %", 91.4)])
def test_decimal_commas_are_read(text: str, value: float, table: Path) -> None:
    """Where semicolons separate."""
    found = judged(table, f"model;accuracy\na;{text}\nb;{text}\n")

    assert means(found) == pytest.approx({"a": value, "b": value})


def test_excels_first_line_is_no_heading(table: Path) -> None:
    """It names the separator."""
    assert means(judged(table, "sep=;\nmodel;accuracy\na;0,5\nb;0,6\n")) == pytest.approx({"a": 50, "b": 60})


def test_points_between_thousands_are_read_where_counts_would_not_be_whole(table: Path) -> None:
    """9.120 of 10.000 is written so in half of Europe."""
    text = "model;seed;correct;n\na;0;9.120;10.000\na;1;9.150;10.000\nb;0;9.420;10.000\nb;1;9.400;10.000\n"

    assert means(judged(table, text)) == pytest.approx({"a": 91.35, "b": 94.1})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model;seed;loss\na;0;1,234\nb;0;1,111\n", ":2: loss '1,234' may be 1234 or 1.234"),
        ("model;correct;n\na;9.000;10.000\nb;8.000;10.000\n", "may be 9 or 9000"),
        ("model,seed,accuracy\na,0,91,4\n", ":2: 4 cells under 3 headings"),
        ("model,accuracy\na,0.912 ± 0.003\nb,0.941 ± 0.004\n", "nothing says which spread"),
        ("model,accuracy\na,0.912(3)\nb,0.941(4)\n", "nothing says which spread"),
        ("model,seed,accuracy\na,0,0.912 +- 0.003\nb,0,0.941 +/- 0.004\n", ":2: accuracy '0.912 +- 0.003' is a mean"),
        ("model,accuracy\na,abc\nb,0.9\n", ":2: accuracy 'abc' is not a number"),
        ("model,loss\na,1e308\nb,0.9\n", ":2: loss '1e308' is too large"),
        ("model,correct,n\na,91%,100\nb,9,100\n", ":2: correct '91%' is not a whole number"),
        ("model,correct,n\na,11,10\nb,9,10\n", ":2: 11 right of 10 images"),
    ],
)
def test_what_may_be_two_numbers_or_none_is_refused_by_cell(text: str, said: str, table: Path) -> None:
    """With a remedy that fits: nobody is told to leave out a run that has a result."""
    with pytest.raises(StudyError) as refused:
        judged(table, text, metric="loss" if "loss" in text else None)

    assert said in refused.value.message
    assert refused.value.hint
    assert "Leave runs without a result out" not in refused.value.hint


@pytest.mark.parametrize("text", ["", "nan", "NaN", "-", "N/A", "inf", "-inf", "\u2014", "None"])
def test_a_run_without_a_result_is_left_out_and_counted(text: str, table: Path) -> None:
    """The rest is judged."""
    findings = judged(table, f"model,seed,accuracy\na,0,{text}\na,1,.5\na,2,.6\nb,0,.7\nb,1,.8\n")

    assert [(row.name, row.n) for row in findings.variants] == [("a", 2), ("b", 2)]
    assert any("no result: 1 run (first results.csv:2: accuracy" in line for line in findings.notices.cautions)


# --- columns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", ["Name,model", "model,Name"])
def test_an_exports_run_names_are_no_variants(heading: str, table: Path) -> None:
    """Whatever the order of the columns."""
    cells = [("fish", "a"), ("ox", "a"), ("ant", "b"), ("elk", "b")]
    first = heading.startswith("Name")
    lines = [
        f"{name if first else model},{model if first else name},{i % 2},0.9{i}" for i, (name, model) in enumerate(cells)
    ]
    findings = judged(table, "\n".join([f"{heading},seed,accuracy", *lines]))

    assert set(means(findings)) == {"a", "b"}
    assert "Columns not read: Name." in findings.notices.cautions
    assert any("by the column model, replicates by seed" in line for line in findings.notices.cautions)


def test_two_columns_that_may_name_the_variants_are_asked_about(table: Path) -> None:
    """Model is the same while method differs; --by says which is meant."""
    text = "model,method,seed,accuracy\nr,m1,0,.91\nr,m1,1,.92\nr,m2,0,.94\nr,m2,1,.95\n"
    with pytest.raises(StudyError, match="both model and method may name the variants") as refused:
        judged(table, text)

    assert "--by method" in refused.value.hint
    assert set(means(judged(table, text, by="method"))) == {"m1", "m2"}


@pytest.mark.parametrize(
    "labels", [("0", "1"), ("0.0", "1.0"), ("seed0", "seed1"), ("run-3", "run-7"), ("fold_2", "fold_1"), ("x", "y")]
)
def test_replicates_may_be_called_anything(labels: tuple[str, str], table: Path) -> None:
    """Pairs are found by the label."""
    one, two = labels
    text = f"model,fold,accuracy\na,{one},.50\na,{two},.60\nb,{two},.65\nb,{one},.55\n"

    assert judged(table, text, paired=True).effects[0].measured.by_replicate == pytest.approx((5, 5))


def test_equal_differences_of_results_that_vary_are_told_as_such(table: Path) -> None:
    """The results of the replicates do vary; what has no spread is their paired difference."""
    text = "model,fold,accuracy\nbase,0,.910\nbase,1,.915\nbase,2,.908\nwide,0,.921\nwide,1,.926\nwide,2,.919\n"
    findings = judged(table, text, paired=True)
    told = "\n".join([first_sentence(findings), *findings.notices.cautions])

    assert "its differences are equal in every replicate" in told
    assert "wide: the differences are equal in every replicate" in told
    assert "results are the same" not in told


def test_fold_and_seed_together_are_the_replicate(table: Path) -> None:
    """Fold 0 under two seeds is two replicates."""
    lines = [f"{m},{f},{s},{0.5 + 0.1 * (m == 'b') + f / 100 + s / 1000}" for m in "ab" for f in (0, 1) for s in (3, 4)]
    findings = judged(table, "\n".join(["model,fold,seed,accuracy", *lines]), paired=True)

    assert findings.effects[0].measured.n == 4
    assert any("replicates by seed and fold" in line for line in findings.notices.cautions)


def test_a_seed_of_its_own_for_every_run_pairs_nothing(table: Path) -> None:
    """Folds do."""
    findings = judged(table, "model,fold,seed,accuracy\na,0,7,.5\na,1,8,.6\nb,0,9,.55\nb,1,10,.65\n", paired=True)

    assert findings.effects[0].measured.by_replicate == pytest.approx((5, 5))
    assert any("never agree in seed" in line for line in findings.notices.cautions)
    with pytest.raises(StudyError, match="no run of one variant has the same seed"):
        judged(table, "model,seed,accuracy\na,7,.5\na,8,.6\nb,9,.55\nb,10,.65\n", paired=True)


def test_a_running_id_is_no_image(table: Path) -> None:
    """But ids that come again beside `correct` are."""
    running = judged(table, "id,model,seed,accuracy\n1,a,0,.9\n2,a,1,.91\n3,b,0,.93\n4,b,1,.94\n")
    images = judged(
        table, "id,model,correct\n1,a,1\n2,a,0\n1,b,TRUE\n2,b,true\n".replace("TRUE", "1").replace("true", "1")
    )

    assert [row.n for row in running.variants] == [2, 2]
    assert images.effects[0].measured.images == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,epoch,accuracy\na,0,.5\na,1,.6\nb,0,.9\n", "They differ in epoch"),
        ("model,split,accuracy\na,train,.9\na,test,.6\nb,train,.9\nb,test,.7\n", "several parts"),
        ("model,accuracy,n\na,.912,1000\nb,.941,1000\n", "n may count test images or runs"),
        ("model,accuracy,runs\na,.912,5\nb,.941,5\n", "without their spread"),
        ("model,accuracy,std\na,.912,.01\nb,.941,.01\n", "over how many"),
        ("model,accuracy,std,n\na,.9,.3,10000\nb,.8,.4,10000\n", "may be the number of test images"),
        ("model,accuracy,fold_1,fold_2\na,.9,.8,1\nb,.9,.8,1\n", "both accuracy and fold_1"),
        ("model,accuracy,accuracy\na,.9,.8\nb,.9,.8\n", "appears twice"),
        ("model,acc,val_acc\na,.9,.8\nb,.9,.8\n", "may be the metric"),
        (
            "model,Seed,params.seed,accuracy\na,0,1,.9\nb,0,2,.8\n",
            "both Seed and params.seed may identify the replicates",
        ),
        ("seed,accuracy,loss\n0,.9,.8\n1,.9,.8\n", "no column variant"),
        ('model,accuracy\na,"0.9\nb,.8\n', "unexpected end of data"),
    ],
)
def test_what_a_column_means_is_asked_where_it_may_mean_two_things(text: str, said: str, table: Path) -> None:
    """Nothing is taken as single runs while the rest is dropped in silence."""
    with pytest.raises(StudyError) as refused:
        judged(table, text)

    assert said in str(refused.value)


def test_a_status_column_leaves_out_what_did_not_finish(table: Path) -> None:
    """In an export of MLflow, with its prefixes."""
    text = (
        "Run ID,Name,Status,params.model,params.seed,metrics.accuracy\n"
        "x1,n1,FINISHED,a,0,.90\nx2,n2,FAILED,a,1,.2\nx3,n3,FINISHED,a,2,.91\n"
        "x4,n4,FINISHED,b,0,.93\nx5,n5,FINISHED,b,2,.94\n"
    )
    findings = judged(table, text)

    assert means(findings) == pytest.approx({"a": 90.5, "b": 93.5})
    assert any("did not finish: 1 run" in line for line in findings.notices.cautions)


# --- wide tables, means over runs -------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "model,seed0,seed1\na,.90,.92\nb,.93,.95\n",
        "model,accuracy_fold_1,accuracy_fold_2\na,90%,92%\nb,93%,95%\n",
        "model,0,1\na,90,92\nb,93,95\n",
        "model,split0_test_score,split1_test_score,mean_test_score\na,.90,.92,.91\nb,.93,.95,.94\n",
        "seed,a,b\n0,.90,.93\n1,.92,.95\n",
        "a;fold;b\n90;fold 1;93\n92;fold 2;95\n",
    ],
)
def test_wide_tables_are_read_as_such(text: str, table: Path) -> None:
    """One column per run, or one column per variant; pairs follow from it when asked for."""
    findings = judged(table, text, paired=True)

    assert means(findings) == pytest.approx({"a": 91, "b": 94})
    assert findings.effects[0].measured.by_replicate == pytest.approx((3, 3))


@pytest.mark.parametrize(
    ("headings", "metric", "goal"),
    [
        ("loss_seed0,loss_seed1", "loss", "min"),
        ("seed0_loss,seed1_loss", "loss", "min"),
        ("fold 0 val_loss,fold 1 val_loss", "val_loss", "min"),
        ("top1_err_fold0,top1_err_fold1", "top1_err", "min"),
        ("f1_fold1,f1_fold2", "f1", "max"),
        ("split0_test_roc_auc,split1_test_roc_auc", "test_roc_auc", "max"),
        ("accuracy_seed0,accuracy_seed1", "accuracy", "max"),
    ],
)
def test_the_headings_of_runs_say_what_was_measured(headings: str, metric: str, goal: str, table: Path) -> None:
    """A wide table of losses is not judged as one of accuracies, of which more would be better."""
    found = judged(table, f"model,{headings}\na,0.52,0.55\nb,0.31,0.30\n")
    assert (found.study.metric.name, found.study.metric.goal) == (metric, goal)
    assert not any("No heading says" in line for line in found.notices.cautions)


@pytest.mark.parametrize(
    "text",
    [
        "model,seed0,seed1\na,0.8,0.9\nb,0.9,0.95\n",
        "params,split0_test_score,split1_test_score,split0_train_score,split1_train_score\na,.8,.9,1,1\nb,.9,.95,1,1\n",
        "model,mean,std,count\na,0.85,0.07,2\nb,0.925,0.04,2\n",
        "seed,a,b\n0,0.8,0.9\n1,0.9,0.95\n",
    ],
)
def test_numbers_without_the_name_of_a_metric_are_accuracies_and_that_is_said(text: str, table: Path) -> None:
    """Where no heading says what was measured, the findings say what was assumed."""
    found = judged(table, text, by="params" if text.startswith("params") else None)
    assert means(found) == {"a": 85.0, "b": 92.5}
    assert sum("No heading says" in line for line in found.notices.cautions) == 1


def test_of_several_metrics_across_one_is_chosen_by_name(table: Path) -> None:
    """Columns of runs of two metrics are not told as a heading that appears twice."""
    text = "model,acc_seed0,acc_seed1,loss_seed0,loss_seed1\na,0.8,0.9,3.1,3.3\nb,0.9,0.95,2.1,2.3\n"
    assert judged(table, text).study.metric.name == "acc"
    found = judged(table, text, metric="loss")
    assert (means(found), found.study.metric.goal) == ({"a": 3.2, "b": 2.2}, "min")
    with pytest.raises(StudyError, match="are of acc, loss, and none is of 'kappa'"):
        judged(table, text, metric="kappa")
    with pytest.raises(StudyError, match="runs of f1, recall") as refused:
        judged(table, "model,f1_seed0,f1_seed1,recall_seed0,recall_seed1\na,.8,.9,.8,.9\nb,.8,.9,.8,.9\n")
    assert "--metric 'f1'" in str(refused.value.hint)
    with pytest.raises(StudyError, match="both accuracy and accuracy_seed0 may hold the results"):
        judged(table, "model,accuracy,accuracy_seed0,accuracy_seed1\na,.8,.9,.8\nb,.8,.9,.8\n", metric="accuracy")


@pytest.mark.parametrize(
    "text",
    [
        "model,seed,accuracy\na,0,80\na,1,90\na,mean,85\nb,0,90\nb,1,95\nb,Mean,92.5\n",
        "model,fold,accuracy\na,fold0,80\na,fold1,90\na,avg.,85\na,std,7.1\nb,fold0,90\nb,fold1,95\nb,avg.,92.5\nb,std,3.5\n",
        "fold,a,b\n0,80,90\n1,90,95\nmean,85,92.5\nstd,7.1,3.5\n",
        "seed,a,b,All\n0,80,90,85\n1,90,95,92.5\n",
        "model,seed0,seed1,mean,std\na,80,90,85,7.1\nb,90,95,92.5,3.5\n",
    ],
)
def test_rows_and_columns_that_sum_up_others_are_no_runs(text: str, table: Path) -> None:
    """A row `mean` below the seeds would be counted as a further run, and shorten the interval."""
    found = judged(table, text)
    assert [(row.name, row.n) for row in found.variants] == [("a", 2), ("b", 2)]
    assert means(found) == {"a": 85.0, "b": 92.5}
    assert any("sum up others" in line or "Columns not read" in line for line in found.notices.cautions)


def test_an_assumed_direction_is_said(table: Path) -> None:
    """Of a name that says nothing, more is taken as better, and how to say otherwise is told."""
    text = rows("quality", ("0.5", "0.6"), ("0.3", "0.4"))
    assert any("--goal min" in line for line in judged(table, text, metric="quality").notices.cautions)
    assert not any("--goal min" in line for line in judged(table, text, metric="quality", goal="max").notices.cautions)
    for metric in ("accuracy", "kappa", "loss", "val_cost"):
        text = rows(metric, ("0.5", "0.6"), ("0.3", "0.4"))
        assert not any("--goal min" in line for line in judged(table, text, metric=metric).notices.cautions)


def test_a_remedy_proposes_no_metric_of_the_training_part(table: Path) -> None:
    """Where train_acc comes before val_acc."""
    with pytest.raises(StudyError) as refused:
        judged(table, "model,seed,train_acc,val_acc\na,0,.9,.8\nb,0,.9,.8\n")
    assert "--metric 'val_acc'" in str(refused.value.hint)


def test_a_title_above_the_headings_is_named_as_such(table: Path) -> None:
    """The advice is not about commas."""
    with pytest.raises(StudyError, match="3 cells under 1 heading") as refused:
        judged(table, "# results of May\nmodel,seed,accuracy\na,0,.9\nb,0,.8\n")
    assert "titles" in str(refused.value.hint)


def test_only_variants_without_an_interval_are_said_to_have_none(table: Path) -> None:
    """And each once, and no number of images would help a loss."""
    text = rows("accuracy", ("0.5", "0.6"), ("0.3", "nan"))
    (line,) = [line for line in judged(table, text).notices.cautions if "there is no interval" in line]
    assert line == "No number of test images is given for b: there is no interval."
    text = rows("loss", ("0.5", "0.6"), ("0.3", "nan"))
    assert not [line for line in judged(table, text, metric="loss").notices.cautions if "there is no interval" in line]


def test_quantiles_are_no_runs(table: Path) -> None:
    """The table of pandas' describe is one of means, and its 25%, 50% and 75% are no percentages of a run."""
    text = (
        "model,count,mean,std,min,25%,50%,75%,max\n"
        "a,3,0.912,0.003,0.909,0.9105,0.912,0.9135,0.915\nb,3,0.941,0.003,0.939,0.94,0.941,0.9425,0.944\n"
    )
    found = judged(table, text)
    assert means(found) == {"a": 91.2, "b": 94.1}
    assert [row.n for row in found.variants] == [3, 3]


@pytest.mark.parametrize("text", ["seed,kappa,mIoU\n0,0.8,0.9\n1,0.9,0.95\n", "fold,mse,mae\n0,0.8,0.9\n1,0.9,0.95\n"])
def test_columns_of_metrics_are_no_variants(text: str, table: Path) -> None:
    """Two metrics of one model are not compared as two models."""
    with pytest.raises(StudyError, match="there is no column variant"):
        judged(table, text)


def test_a_variant_without_any_result_is_named(table: Path) -> None:
    """All runs of b diverged or crashed: the findings say that it is not compared, and do not just leave it out."""
    found = judged(table, "model,seed,accuracy\na,0,0.9\na,1,0.8\nb,0,nan\nb,1,nan\nc,0,0.9\nc,1,0.9\n")
    assert "Not compared, because no run of it has a result: b." in found.notices.cautions
    text = "model,seed,state,accuracy\na,0,finished,0.9\na,1,finished,0.8\nb,0,crashed,0.1\nc,0,finished,.9\n"
    assert "Not compared, because no run of it has a result: b." in judged(table, text).notices.cautions


def test_a_table_without_a_column_of_variants_says_how_to_name_one(table: Path) -> None:
    """The headings that are there, and the option."""
    with pytest.raises(StudyError, match="no column variant") as refused:
        judged(table, "Modell;Seed;Genauigkeit\na;0;91,2\nb;0;93,1\n")
    assert "--by COLUMN" in str(refused.value.hint)
    assert "Modell, Seed, Genauigkeit" in str(refused.value.hint)


@pytest.mark.parametrize(
    "heading",
    ["accuracy,std,runs", "mean,std,n", "accuracy_mean,accuracy_std,count", "accuracy (mean),accuracy (sd),seeds"],
)
def test_means_with_deviations_are_compared_by_welchs_test(heading: str, table: Path) -> None:
    """Known answer: scipy's test from the same three numbers; no single runs are made up."""
    findings = judged(table, f"model,{heading}\na,91.2,0.3,5\nb,94.1,0.4,4\n")
    (effect,) = findings.effects
    expected = stats.ttest_ind_from_stats(94.1, 0.4, 4, 91.2, 0.3, 5, equal_var=False)

    assert effect.decision.p == pytest.approx(expected.pvalue)
    assert [(row.n, row.spread) for row in findings.variants] == [(5, pytest.approx(0.3)), (4, pytest.approx(0.4))]
    assert findings.runs.rows == ()


def test_means_are_read_from_cells_with_a_plus_minus_whose_heading_says_what_it_is(table: Path, tmp_path: Path) -> None:
    """And a whole report can be written of them."""
    findings = judged(table, "model,accuracy (mean ± std),runs\na,0.912 ± 0.003,5\nb,0.941 +/- 0.004,5\n")

    assert means(findings) == pytest.approx({"a": 91.2, "b": 94.1})
    assert [row.spread for row in findings.variants] == pytest.approx([0.3, 0.4])
    assert render_report(findings, tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("heading", "a", "b"),
    [
        ("accuracy_mean,accuracy_std", "91.2,0.003", "94.1,0.004"),
        ("mean,std", "91.2%,0.003", "94.1%,0.004"),
        ("mean,std", "0.912,0.3", "0.941,0.4"),
        ("mean (%),std", "91.2,0.003", "94.1,0.004"),
    ],
)
def test_a_deviation_in_another_unit_than_its_mean_is_asked_about(heading: str, a: str, b: str, table: Path) -> None:
    """91.2 with a deviation of 0.003 would be judged as if runs never differed."""
    text = f"model,{heading},runs\na,{a},5\nb,{b},5\n"
    with pytest.raises(StudyError, match="may be in two units") as refused:
        judged(table, text)
    assert "std (%)" in str(refused.value.hint)


def test_a_deviations_heading_and_sign_say_its_unit(table: Path) -> None:
    """A column `std (%)` is in points, also beside means that are fractions."""
    expected = judged(table, "model,mean,std,runs\na,91.2,0.3,5\nb,94.1,0.4,5\n").effects[0]
    for text in (
        "model,mean,std (%),runs\na,0.912,0.3,5\nb,0.941,0.4,5\n",
        "model,mean,std,runs\na,0.912,0.3%,5\nb,0.941,0.4%,5\n",
        "model,mean,std (fraction),runs\na,91.2,0.003,5\nb,94.1,0.004,5\n",
    ):
        found = judged(table, text).effects[0]
        assert (found.measured.lo, found.measured.hi) == pytest.approx((expected.measured.lo, expected.measured.hi))


def test_a_sign_behind_the_spread_of_a_fraction_is_asked_about(table: Path) -> None:
    """0.912 ± 0.3% is no 0.912 %; 91.2 ± 0.3 % is 91.2 %."""
    heading = "model,runs,accuracy (mean ± std)\n"
    with pytest.raises(StudyError, match="the mean may be a fraction or a percentage"):
        judged(table, f"{heading}a,5,0.912 ± 0.3%\nb,5,0.941 ± 0.4%\n")
    for a, b in (("91.2 ± 0.3 %", "94.1 ± 0.4 %"), ("(91.2 ± 0.3) %", "(94.1 ± 0.4)%"), ("91.2% ± 0.3%", "94.1%±0.4%")):
        assert means(judged(table, f"{heading}a,5,{a}\nb,5,{b}\n")) == {"a": 91.2, "b": 94.1}


def test_a_standard_error_is_made_a_deviation(table: Path) -> None:
    """se times the root of n."""
    findings = judged(table, "model,accuracy,se,runs\na,.50,.02,4\nb,.60,.01,9\n")

    assert [row.spread for row in findings.variants] == pytest.approx([4.0, 3.0])


def test_columns_of_parameters_name_the_variants_where_no_column_does(table: Path) -> None:
    """All that differ, but the seed, the results and where a run was written; units are read as in any table."""
    lines = [f"0.1,{bn},{s},runs/{bn}{s},{90 + s + 2 * (bn == 'yes')} %,0.{s}" for bn in ("no", "yes") for s in (0, 1)]
    text = "\n".join(["lr,use_bn,seed,out_dir,accuracy,loss", *lines])
    findings = judged(table, text)
    told = "\n".join(findings.notices.cautions)

    assert means(findings) == {"use_bn=no": 90.5, "use_bn=yes": 92.5}
    assert "variants differ in use_bn" in told
    assert "made: out_dir" in told
    assert "Columns not read: lr and loss." in told
    assert set(means(judged(table, text, by="lr,use_bn"))) == {"lr=0.1, use_bn=no", "lr=0.1, use_bn=yes"}


def test_rows_of_which_no_two_have_the_same_parameters_are_asked_about(table: Path) -> None:
    """A number that differs in every row may be a seed of another name."""
    text = "depth,noise,seed,accuracy\n1,.11,0,.5\n1,.12,1,.6\n2,.13,0,.7\n2,.14,1,.8\n"
    with pytest.raises(StudyError, match="no two of the 4 rows have the same parameters") as refused:
        judged(table, text)

    assert "--by COLUMN" in refused.value.hint
    assert set(means(judged(table, text, by="depth"))) == {"1", "2"}


# --- what must not hang, and what is too large ------------------------------------------------


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody writes into it, and nobody waits."""
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with pytest.raises(StudyError, match="pipe"):
        judge_results(Request(source=str(path)))
    with pytest.raises(StudyError, match="folder"):
        judge_results(Request(source=str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,seed,accuracy\n" + "x" * 200_000 + ",0,.5\n", "field larger"),
        ("model,seed,accuracy\n" + "x" * 5_000 + ",0,.5\nb,0,.6\n", "a name of 5,000 characters"),
        ("model,seed,accuracy\na,0," + "9" * 5_000 + "\nb,0,.6\n", "too large"),
        ("model,seed,accuracy\na,0," + "x" * 5_000 + "\nb,0,.6\n", "is not a number"),
        ("model,seed,accuracy\n" + "".join(f"m{i},0,.5\n" for i in range(20_000)), "20,000 variants"),
        ("model," + "y" * 5_000 + "\na,.5\nb,.5\n", "neither counts"),
    ],
)
def test_what_is_far_too_large_is_refused_in_a_short_sentence(text: str, said: str, table: Path) -> None:
    """Nothing long is ever echoed whole."""
    with pytest.raises(StudyError, match=said) as refused:
        judged(table, text)

    assert len(str(refused.value)) < 700


def test_more_variants_than_are_compared_are_refused_with_a_way_on(table: Path) -> None:
    """Also where --by named their column: it is the rows that are too many then, and no other column helps."""
    lines = [f"m{i},{seed},.5" for i in range(20_000) for seed in range(3)]

    with pytest.raises(StudyError, match="20,000 variants, and at most 1,000 are compared") as refused:
        judged(table, "\n".join(["variant,seed,accuracy", *lines]), by="variant")

    assert "keep the rows of those that were to be compared" in refused.value.hint


def test_a_thousand_variants_are_judged(table: Path) -> None:
    """As many as are taken."""
    rng = np.random.default_rng(0)
    lines = [f"m{i},{s},{rng.uniform(0.4, 0.6):.4f}" for i in range(1000) for s in (0, 1)]

    assert len(judged(table, "\n".join(["model,seed,accuracy", *lines])).effects) == 999


# --- the reference ----------------------------------------------------------------------------


def test_a_variant_called_baseline_is_the_reference(table: Path) -> None:
    """Wherever it stands; it is said."""
    findings = judged(table, "model,seed,accuracy\nBN,0,.6\nBN,1,.61\nBaseline,0,.5\nBaseline,1,.51\n")

    assert findings.effects[0].compared.reference == "Baseline"
    assert any("The reference is Baseline, by its name" in line for line in findings.notices.cautions)


def test_an_interval_without_width_is_told(table: Path) -> None:
    """Two pairs that differ by the same amount, in whatever precision they were written."""
    text = "model,seed,accuracy\na,0,{}\na,1,{}\nb,0,{}\nb,1,{}\n"
    for numbers in (
        (0.91, 0.92, 0.96, 0.97),
        tuple(float(np.float32(x)) for x in (0.91, 0.92, 0.96, 0.97)),
    ):
        found = judged(table, text.format(*numbers), paired=True)
        assert found.effects[0].decision.verdict == "not_assessable"
        assert found.effects[0].decision.p == pytest.approx(0.5)
        assert any("interval has no width" in line for line in found.notices.cautions)


def test_a_heading_of_two_lines_is_said_on_one(table: Path) -> None:
    """As spreadsheets export a cell with a break in it."""
    found = judged(table, '"model",seed,"test\naccuracy"\na,0,.9\na,1,.8\nb,0,.9\nb,1,.95\n')
    assert any("results are in test accuracy." in line for line in found.notices.cautions)


@pytest.mark.parametrize(("asked", "meant"), [("acc", "accuracy"), ("acuracy", "accuracy"), ("f1", "F1-macro")])
def test_a_metric_that_is_no_column_is_answered_by_those_that_are(asked: str, meant: str, table: Path) -> None:
    """And by the one that may be meant."""
    table.write_text("variant,seed,accuracy,F1-macro\na,0,.5,.4\nb,0,.6,.4\n", encoding="utf-8")
    with pytest.raises(StudyError, match="nor a column") as refused:
        judge_results(Request(source=str(table), metric=asked))

    assert "There are: variant, seed, accuracy, F1-macro." in refused.value.hint
    assert f"Did you mean '{meant}'?" in refused.value.hint
