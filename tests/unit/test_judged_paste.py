"""A table pasted from a paper, and the paragraph for a review."""

from __future__ import annotations

import json

import pytest
from scipy import stats
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import StudyError
from ablate.report.facts.findings import Findings
from ablate.report.wording.language import words_of
from ablate.workflows.judge import Request, judge_results

PDF = """\
Method Params CIFAR-10 CIFAR-100
ResNet-18 [12] 11.2M 95.3 ± 0.1 77.5 ± 0.3
Wide ResNet 28 36.5M 95.6 ± 0.2 78.0 ± 0.4
our method 11.3M 95.9 ± 0.2 78.1 ± 0.2
"""
NAMES = ["our method", "ResNet-18", "Wide ResNet 28"]


def judged(text: str, **more: object) -> Findings:
    """The findings on a pasted text."""
    return judge_results(Request(source="-", text=text, **more))  # type: ignore[arg-type]  # as the keywords say


def review(findings: Findings) -> str:
    """The paragraph."""
    (paragraph,) = findings.notices.remarks
    return paragraph


FORMS = {
    "spaces": PDF,
    "two spaces": "Method  CIFAR-10 (%)\nResNet-18   95.3±0.1\nWide ResNet 28   95.6+/-0.2\nour method   95.9 +- 0.2\n",
    "tabs": "Method\tCIFAR-10\nResNet-18\t95.3 \\pm 0.1\nWide ResNet 28\t95.6 \\pm 0.2\nour method\t95.9 \\pm 0.2\n",
    "commas": "Method,CIFAR-10\nResNet-18,95.3 (0.1)\nWide ResNet 28,95.6 (0.2)\nour method,95.9 (0.2)\n",
    "LaTeX": "Method & CIFAR-10 \\\\ \\hline\nResNet-18~\\cite{he} & $95.3_{\\pm 0.1}$ \\\\\n"
    "Wide ResNet 28 & $95.6 \\pm 0.2$ \\\\\nour method & $\\mathbf{95.9} \\pm 0.2$ \\\\\n",
    "Markdown": "| Method | CIFAR-10 ↑ |\n|---|---:|\n| ResNet-18 | 95.3 ± 0.1 |\n| Wide ResNet 28 | 95.6 ± 0.2 |\n"
    "| **our method** | **95.9 ± 0.2** |\n",
    "no headings": "ResNet-18 95.3 ± 0.1\nWide ResNet 28 95.6 ± 0.2\nour method 95.9 ± 0.2\n",
    "fractions in brackets": "Method CIFAR-10\nResNet-18 0.953(1)\nWide ResNet 28 0.956(2)\nour method 0.959(2)\n",
    "decimal commas": "Method\tCIFAR-10\nResNet-18\t95,3 ± 0,1\nWide ResNet 28\t95,6 ± 0,2\nour method\t95,9 ± 0,2\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_however_it_was_copied(form: str) -> None:
    """Known answer: scipy's Welch test from mean, deviation and number."""
    metric = "CIFAR-10" if form == "spaces" else None
    findings = judged(FORMS[form], runs=3, ours="our method", metric=metric)
    expected = stats.ttest_ind_from_stats(95.3, 0.1, 3, 95.9, 0.2, 3, equal_var=False)

    assert [row.name for row in findings.variants] == NAMES
    assert [row.mean for row in findings.variants] == pytest.approx([95.9, 95.3, 95.6])
    assert [row.spread for row in findings.variants] == pytest.approx([0.2, 0.1, 0.2])
    assert findings.effects[0].decision.p == pytest.approx(expected.pvalue)


def test_the_paragraph_says_what_is_shown_and_what_is_not() -> None:
    """Better than one rival, not than the other; not if the spread is a standard error; how many runs would tell."""
    text = review(judged(PDF, runs=3, images=10_000, ours="our method", metric="CIFAR-10"))

    assert "it shows that our method is better than ResNet-18" in text
    assert "Against Wide ResNet 28 it establishes no difference (smallest adjusted p: 0.140)" in text
    assert "no longer shown to be better than ResNet-18" in text
    assert "10,000 test images alone, two equally good networks differ by up to 0.55 points" in text
    assert "10 runs of each would show a difference as large as that from Wide ResNet 28 (0.3 points)" in text
    assert "standard deviation over runs" in text


def test_ten_runs_are_as_many_as_the_paragraph_says() -> None:
    """Known answer: the power of the t-test from the noncentral distribution, at half of 5 % (two comparisons)."""
    power = {n: stats.nct.sf(stats.t.isf(0.0125, 2 * n - 2), 2 * n - 2, 0.3 / 0.2 * (n / 2) ** 0.5) for n in (9, 10)}

    assert power[9] < 0.8 < power[10]


def test_single_numbers_with_a_number_of_images_are_counts() -> None:
    """As networks and never as methods; nothing is established for 0.4 points of 10,000 images."""
    findings = judged("base 95.5\nours 95.9\n", images=10_000)
    text = review(findings)

    assert findings.effects[0].same_images is not None
    assert "no difference is established on 10,000 test images without knowing" in text
    assert "A single run of each says nothing of the methods" in text
    assert "where runs vary by half of it" in text
    assert any("The others are compared with ours, by its name" in line for line in findings.notices.cautions)
    assert "a difference from base is established, whatever the images" in review(
        judged("base 85.5\nours 95.9\n", images=10_000)
    )
    assert "not even these trained networks can be compared" in review(judged("base 95.5\nours 95.9\n"))


def test_means_without_a_spread_are_not_compared() -> None:
    """However many runs are behind them."""
    text = review(judged("base 95.5\nours 95.9\n", runs=5, images=10_000))

    assert "means over 5 runs, and nothing says how much runs differ" in text


def test_a_clear_gain_is_said_to_be_one_and_a_loss_as_well() -> None:
    """That stays if the spread is a standard error; fewer runs would have done."""
    text = review(judged("base 90.5 ± 0.2\nours 95.9 ± 0.2\n", runs=5))

    assert "ours is better than base" in text
    assert "the same if the spread is a standard error" in text
    assert "are enough to show" in text
    assert "How many images were tested is not given" in text
    assert "ours is worse than base" in review(judged("base 95.5 ± 0.2\nours 90.9 ± 0.2\n", runs=5))


def test_an_arrow_says_which_way_is_better_and_a_known_heading_what_is_measured() -> None:
    """Error ↓ is an error; --metric names the metric of a column without one."""
    findings = judged("Method  Top-1 error (%) ↓\nbase 5.5 ± 0.1\nours 4.1 ± 0.1\n", runs=3)
    loss = judged("base 0.55 ± 0.1\nours 0.41 ± 0.1\n", runs=3, metric="test loss")

    assert (findings.study.metric.goal, findings.study.metric.name) == ("min", "Top-1 error")
    assert "ours is better than base" in review(findings)
    assert (loss.study.metric.name, loss.study.metric.goal, loss.study.metric.unit) == ("test loss", "min", "")


@pytest.mark.parametrize(
    ("headings", "first", "second"),
    [
        ("Model Top-1 Acc. (%) Top-5 Acc. (%)", "Top-1 Acc.", "Top-5 Acc."),
        ("Model error accuracy", "error", "accuracy"),
        ("Model validation error test error", "accuracy", "accuracy"),
    ],
)
def test_a_number_under_a_wrong_heading_is_worse_than_one_under_none(headings: str, first: str, second: str) -> None:
    """Where headings of several words may be cut in two ways, there are none."""
    text = f"{headings}\nbase 76.1 92.9\nours 77.4 93.5\n"

    assert [judged(text, metric=place).study.metric.name for place in ("1", "2")] == [first, second]


WHOLE = r"""
\begin{table}[t]
\centering
\caption{Accuracy (\%) on the test set, mean $\pm$ std over 5 seeds.}
\begin{tabular}{l@{\hspace{1em}}cc}
\toprule
% a remark & of the authors & 1
 & \multicolumn{2}{c}{Shapes} \\ \cmidrule(lr){2-3}
Method & Accuracy (\%) & F1 \\[2pt]
\midrule
\multicolumn{3}{l}{\textit{Rivals}} \\
Baseline & 81.2 $\pm$ 0.6 & 0.79 $\pm$ 0.01 \\ % ours, rerun
Flip \& Crop
  & 82.9 $\pm$ 0.5
  & 0.81 $\pm$ 0.01 \\
\rowcolor{gray!10} EMA (ours) & \textbf{83.4} $\pm$ \textbf{0.4} & \textbf{0.82} $\pm$ 0.01 \\
\bottomrule
\end{tabular}
\label{tab:1}
\end{table}
"""


@pytest.mark.parametrize("metric", ["1", "accuracy", "Accuracy (%)", r"Accuracy (\%)"])
def test_a_whole_latex_table_is_cut_at_its_ampersands(metric: str) -> None:
    """Rules, title, remarks and headings above headings are passed over; a row may take several lines."""
    findings = judged(WHOLE, runs=5, metric=metric)

    assert {row.name: row.mean for row in findings.variants} == pytest.approx(
        {"EMA (ours)": 83.4, "Baseline": 81.2, "Flip & Crop": 82.9}
    )
    assert findings.study.metric.name.lower().startswith("accuracy")


def test_the_metric_that_a_hint_proposes_is_one_that_is_taken() -> None:
    """The percent sign is a plain one, and a seed is no metric; a known metric that is not there is refused."""
    with pytest.raises(StudyError, match=r"Accuracy \(%\), F1") as refused:
        judged(WHOLE, runs=5)
    assert "--metric 'Accuracy (%)'" in refused.value.hint
    with pytest.raises(StudyError) as refused:
        judged("method,seed,sharpness\na,1,.5\nb,2,.6\n")
    assert "--metric 'sharpness'" in refused.value.hint
    with pytest.raises(StudyError, match="no column 'accuracy'"):
        judged("method,F1\na,.5\nb,.6\n", images=100, metric="accuracy")
    with pytest.raises(StudyError, match="apply to a pasted table") as refused:
        judge_results(Request(source="table.tex", runs=5))
    assert "`ablate judge - < table.tex`" in refused.value.hint


def test_columns_are_named_by_heading_or_place() -> None:
    """And asked about where there are several."""
    two = judged("a 1.5 95.3\nb 1.6 95.6\nc 1.7 95.9\n", images=1000, metric="2")

    assert [row.mean for row in two.variants] == pytest.approx([95.3, 95.6, 95.9])
    with pytest.raises(StudyError, match="several columns of numbers: CIFAR-10, CIFAR-100") as refused:
        judged(PDF, runs=3)
    assert "--metric 'CIFAR-10'" in refused.value.hint
    with pytest.raises(StudyError, match="2 columns of numbers, and no headings that fit them"):
        judged("a 1.5 95.3\nb 1.6 95.6\n", runs=3)
    with pytest.raises(StudyError, match="no column 'CIFAR10'") as refused:
        judged(PDF, runs=3, metric="CIFAR10")
    assert "Did you mean 'CIFAR-10'?" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("", {}, "0 rows with a name and a number"),
        ("only one 95.3\n", {}, "1 rows with a name and a number"),
        ("nothing\nof\nnumbers\n", {}, "0 rows"),
        ("a 95.3 ± 0.1\nb 95.5 ± 0.1\n", {}, "nothing says over how many runs"),
        ("a 95.3\na 95.5\n", {}, "'a' appears twice"),
        ("a\t95.3\nb\t95.5\t3\n", {}, "cells, and 3 in others"),
        ("a 95.3\nb 95.5\n", {"ours": "nobody"}, "no row 'nobody'"),
        ("a 95.3\nb 95.5\n", {"images": 0}, "--images 0"),
        ("a 95.3\nb 95.5\n", {"by": "x"}, "do not apply to a pasted table"),
        ("a 0.9\nb 95.5\n", {}, "may be in two units"),
        ("a\0 0.9\n", {}, "is not text"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(text: str, more: dict[str, object], said: str) -> None:
    """Empty, one row, no numbers, two rows of one name."""
    with pytest.raises(StudyError) as refused:
        judged(text, **more)

    assert said in str(refused.value)
    assert refused.value.hint


def test_the_command_reads_standard_input_and_ends_with_the_paragraph() -> None:
    """In Chinese, too; as `remarks` in JSON. What only a paste can be told is refused elsewhere."""
    more = ["judge", "-", "--runs", "3", "--ours", "our method", "--metric", "CIFAR-10"]
    shown = CliRunner().invoke(app, more, input=PDF)
    given = CliRunner().invoke(app, [*more, "--json", "--lang", "zh"], input=PDF)

    assert shown.exit_code == 0
    assert shown.output.rstrip().endswith("there were 3.")
    assert "应当索取" in json.loads(given.stdout)["remarks"][0]
    assert CliRunner().invoke(app, more, input=b"\xff\x00\xfa").exit_code == 2
    with pytest.raises(StudyError, match="--runs apply to a pasted table"):
        judge_results(Request(source="results.csv", runs=3), words_of("en"))
