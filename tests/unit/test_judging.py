"""Verdicts on what people already have, without training."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import StudyError, TrackingError
from ablate.report.facts.findings import Findings
from ablate.report.page.render import render_report
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.headline import first_sentence
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.track.foreign import ForeignRun, single_runs, summaries_of_others
from ablate.workflows.judge import Request, judge_results
from tests.unit.test_public_names import HEAVY, RUN, loaded_by

ROOT = Path(__file__).parents[2]
DESIGN = """\
study: hollywood
base:
  data: {source: {name: image_folder, root: data/hollywood}, classes: 17, image_size: 224, train: 0.8}
  model: {name: vgg16, head: {name: fc, hidden: [4096, 4096]}}
  optimizer: {name: adam, lr: 1e-4}
  batch_size: 32
  epochs: 40
chain:
  BN:           {model.norm: {name: batch, position: block_end}}
  Dropout:      {model.dropout: {features: 0.5}}
  90% split:    {data.train: 0.9}
  GAP head:     {model.head: {name: gap}}
  weight decay: {optimizer.weight_decay: 1e-4}
compare:
  one-layer head: {with: 90% split, set: {model.head: {name: fc, hidden: []}}}
evidence: {test: {folds: 10}}
published:
  protocol: best epoch on test, one run each, splits not seeded
  accuracy: {baseline: 149/360, BN: 152/360, Dropout: 166/360, 90% split: 87/180, one-layer head: 106/180}
"""
"""Published counts of a chain; its fourth figure is of a variant outside the design."""


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers every time."""
    return np.random.default_rng(7)


def judged(path: Path | str, **more: object) -> Findings:
    """The findings on one source."""
    return judge_results(Request(source=str(path), **more))  # type: ignore[arg-type]  # as the keywords say


def written(folder: Path, text: str, name: str = "results.csv") -> Path:
    """A table on disk."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- published counts -------------------------------------------------------------------------


@pytest.fixture
def hollywood(tmp_path: Path) -> Findings:
    """The published chain of the study file in the design."""
    return judged(written(tmp_path, DESIGN, "hollywood.yaml"))


def test_the_published_chain_establishes_nothing(hollywood: Findings) -> None:
    """Known answer: Newcombe's intervals, score p, Holm over five steps; .2247 for the 58.9 % step."""
    rows = {effect.compared.name: effect for effect in hollywood.effects}

    expected = {
        "BN": (0.8, -6.3, 8.0, 0.821),
        "Dropout": (3.9, -3.4, 11.1, 0.293744),
        "90% split": (2.2, -6.6, 11.1, 0.625989),
        "one-layer head": (10.6, 0.2606, 20.5402, 0.044939),
    }
    for name, (difference, lo, hi, p) in expected.items():
        row = rows[name]
        assert (row.measured.difference, row.measured.lo, row.measured.hi) == pytest.approx(
            (difference, lo, hi), abs=0.06
        )
        assert row.decision.p == pytest.approx(p, abs=5e-4)
        assert row.decision.verdict == "not_assessable"
        assert row.decision.verdict_text == "not assessable (single run)"
    adjusted = {name: row.decision.p_adjusted for name, row in rows.items()}
    assert adjusted.pop("one-layer head") == pytest.approx(0.2247, abs=5e-5)
    assert set(adjusted.values()) == {1.0}


def test_the_shipped_study_gives_the_same_answer() -> None:
    """With all six figures; what branches off the chain is a family of its own."""
    findings = judged(ROOT / "studies" / "hollywood.yaml")
    rows = {effect.compared.name: effect for effect in findings.effects}

    assert rows["one-layer head"].decision.p_adjusted == pytest.approx(0.2247, abs=5e-5)
    assert rows["one-layer head, weight decay"].decision.p == pytest.approx(0.457, abs=5e-4)
    assert rows["frozen fine-tune"].compared.family_size == 1


def test_published_levels_have_wilsons_interval(hollywood: Findings) -> None:
    """106 of 180."""
    row = hollywood.variant("one-layer head")

    assert row is not None
    assert (row.lo, row.hi) == pytest.approx((51.5882, 65.8181), abs=1e-4)


def test_it_says_what_cannot_be_known(hollywood: Findings) -> None:
    """Pairing, selection on test, splits without a seed."""
    text = " ".join(hollywood.notices.cautions)

    assert "nothing is established" in text
    assert "nothing is paired" in text
    assert "best epoch on test, one run each, splits not seeded" in text
    assert "selected on the test images" in text
    assert "splits without a seed" in text


def test_a_percentage_without_a_count_has_no_interval(tmp_path: Path) -> None:
    """Nobody knows how many images it is of."""
    text = DESIGN.replace("baseline: 149/360", "baseline: 41.4").replace("BN: 152/360", "BN: 42.2")
    findings = judged(written(tmp_path, text, "study.yaml"))
    bn = findings.effects[0]

    assert (bn.measured.difference, bn.measured.lo, bn.decision.p, bn.decision.p_adjusted) == (
        pytest.approx(0.8),
        None,
        None,
        None,
    )
    assert any("No number of test images is given for baseline" in line for line in findings.notices.cautions)


# --- tables -----------------------------------------------------------------------------------


def test_counts_of_several_runs_are_compared_run_by_run(tmp_path: Path) -> None:
    """Known answer: Welch's test over the five accuracies each, labelled as of this test set."""
    numbers = {"A": [46.4, 44.2, 47.5, 45.0, 47.2], "B": [48.9, 47.8, 48.6, 46.9, 49.7]}
    lines = [f"{v},{i},{round(10 * x)},1000" for v, row in numbers.items() for i, x in enumerate(row)]
    findings = judged(written(tmp_path, "\n".join(["variant,replicate,correct,n", *lines])))
    (effect,) = findings.effects

    assert (effect.measured.difference, effect.measured.lo, effect.measured.hi) == pytest.approx(
        (2.32, 0.460844, 4.179156), abs=1e-4
    )
    assert effect.decision.p == pytest.approx(0.0210119731, abs=1e-6)
    assert findings.evidence.basis == "replicates, unpaired"
    assert any("--paired" in line for line in findings.notices.cautions)


def test_runs_that_belong_together_are_paired_when_told(tmp_path: Path) -> None:
    """Known answer: the paired t-test."""
    numbers = {"A": [46.4, 44.2, 47.5, 45.0, 47.2], "B": [48.9, 47.8, 48.6, 46.9, 49.7]}
    lines = [f"{v}\t{i}\t{x}" for v, row in numbers.items() for i, x in enumerate(row)]
    findings = judged(written(tmp_path, "\n".join(["Model\tSeed\tAccuracy", *lines])), paired=True)
    (effect,) = findings.effects

    assert effect.decision.p == pytest.approx(0.0048230629, abs=1e-8)
    assert (effect.measured.lo, effect.measured.hi) == pytest.approx((1.180642, 3.459358), abs=1e-5)
    assert any("percentages" in line for line in findings.notices.cautions)


def image_rows(rng: np.random.Generator, replicates: int, *, folds: bool) -> list[tuple[str, int, int, int]]:
    """(variant, replicate, image, correct) of a baseline and a better variant."""
    return [
        (variant, r, i, int(rng.random() < share))
        for variant, share in (("base", 0.5), ("better", 0.8))
        for r in range(replicates)
        for i in range(120)
        if not folds or i % replicates == r
    ]


@pytest.mark.parametrize("test", ["folds", "fixed"])
def test_answers_to_single_images_go_to_the_engine(test: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """The same numbers as from the arrays; a fixed test set and folds are told apart by the images."""
    rows = image_rows(rng, 3, folds=test == "folds")
    table = "variant;replicate;image;correct\n" + "\n".join(f"{v};{r};scan {i};{c}" for v, r, i, c in rows)
    (effect,) = judged(written(tmp_path, table)).effects
    images = [np.array([i for v, r, i, _ in rows if v == "base" and r == k]) for k in range(3)]
    scores = tuple(
        tuple(np.array([float(c) for v, r, _, c in rows if (v, r) == (name, k)]) for k in range(3))
        for name in ("base", "better")
    )
    (found,) = estimate(Cells(scores=scores, images=tuple(images)), np.array([[-1.0, 1.0]]))

    assert found is not None
    assert (effect.measured.difference, effect.measured.lo, effect.measured.hi) == pytest.approx(
        (100 * found.difference, 100 * found.lo, 100 * found.hi)
    )
    assert effect.decision.verdict == "better"
    assert effect.measured.images == 120
    assert any("compared image by image" in line for line in judged(written(tmp_path, table)).notices.cautions)


def test_other_test_images_are_no_comparison(tmp_path: Path, rng: np.random.Generator) -> None:
    """One image more or less is enough; the interval is that of the images both were tested on, and says so."""
    rows = image_rows(rng, 2, folds=False)[:-1]
    table = "variant,replicate,image,correct\n" + "\n".join(",".join(map(str, row)) for row in rows)
    findings = judged(written(tmp_path, table))
    (effect,) = findings.effects

    assert (effect.decision.verdict, effect.decision.reason) == ("not_assessable", "different test sets")
    assert effect.measured.lo is not None
    assert any("that both were tested on" in line for line in findings.notices.cautions)


def test_two_trained_networks_get_mcnemars_line(tmp_path: Path, rng: np.random.Generator) -> None:
    """A single run each says something of these two networks, and nothing of the variants."""
    rows = image_rows(rng, 1, folds=False)
    table = "variant,image,correct\n" + "\n".join(f"{v},{i},{c}" for v, _, i, c in rows)
    findings = judged(written(tmp_path, table))

    assert findings.effects[0].decision.verdict == "not_assessable"
    assert findings.effects[0].measured.lo is not None
    assert any("McNemar" in line for line in findings.notices.cautions)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a,b\n1,2\n", "no column variant"),
        ("variant,replicate,correct,n\nx,0,5,4\ny,0,1,4\n", ":2: 5 right of 4 images"),
        ("variant,replicate,correct,n\nx,0,1,4\nx,0,1,4\n", ":3: 'x', replicate 0, appears twice (also in line 2)"),
        ("variant,replicate,accuracy\nx,,0.5\nx,1,0.5\n", ":2: replicate is empty"),
        ("variant,accuracy\nx,high\ny,0.5\n", ":2: accuracy 'high' is not a number"),
        ("variant,accuracy\nx,nan\ny,0.5\n", "a single variant, 'y'"),
        ("variant,accuracy\nx,0.5,1\n", ":2: 3 cells under 2 headings"),
        ("variant,replicate,correct,n\n", "has no results"),
        ("variant,replicate,correct,n\nx,0,1,4\n", "a single variant"),
        ("variant,image,correct\nx,i,1\ny,i,1\n", "a single test image"),
        ("variant,replicate,correct\nx,0,5\ny,0,1\n", ":1: correct says how many were right, but no column n"),
        ("variant,replicate,seconds\nx,0,1\n", "neither counts, nor images, nor a column 'accuracy'"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_line(table: str, said: str, tmp_path: Path) -> None:
    """File, line, what is wrong, and what the columns are."""
    with pytest.raises(StudyError) as refused:
        judged(written(tmp_path, table))

    assert said in refused.value.message
    assert refused.value.hint
    assert refused.value.exit_code == 2


def test_a_source_that_is_nothing_is_refused(tmp_path: Path) -> None:
    """Neither a file nor an experiment."""
    with pytest.raises(StudyError, match="there is no file"):
        judged(tmp_path / "nothing")
    with pytest.raises(StudyError, match="there is no variant 'bse'"):
        judged(written(tmp_path, "variant,accuracy\nbase,0.5\nbn,0.6\n"), baseline="bse")
    with pytest.raises(StudyError, match="fewer than two published figures"):
        judged(ROOT / "studies" / "quickstart.yaml")


# --- somebody else's runs in MLflow -----------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six runs of two models in an experiment that is not ours; one of them failed."""
    from ablate.track.environment import quiet_environment

    quiet_environment()
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('store') / 'theirs.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("theirs", artifact_location=str(tmp_path_factory.mktemp("artifacts")))
    for seed, (model, value) in enumerate(
        [("a", 71.0), ("b", 78.0), ("a", 72.0), ("b", 79.0), ("b", 77.5), ("a", None)]
    ):
        run = client.create_run(experiment, start_time=1_000 + seed)
        client.log_param(run.info.run_id, "model", model)
        if value is not None:
            client.log_metric(run.info.run_id, "test_acc", value)
        client.set_terminated(run.info.run_id, "FAILED" if value is None else "FINISHED")
    return uri


def test_runs_in_mlflow_are_grouped_by_a_parameter(store: str) -> None:
    """Five finished runs, the failed one named, the percentages understood."""
    findings = judged("theirs", by="model", metric="test_acc", tracking_uri=store)
    (effect,) = findings.effects

    assert [(row.name, row.n) for row in findings.variants] == [("a", 2), ("b", 3)]
    assert effect.measured.difference == pytest.approx(78.1667 - 71.5, abs=1e-3)
    assert any("1 run of the experiment did not finish" in line for line in findings.notices.cautions)
    assert any("percentages" in line for line in findings.notices.cautions)


def test_runs_that_hold_others_and_second_entries_are_not_counted() -> None:
    """A parent without the metric is no run that failed, and one training run shown twice is one run."""

    def run(name: str, metrics: dict[str, float], **tags: str) -> ForeignRun:
        keys = {"parent": "mlflow.parentRunId", "fingerprint": "ablate.fingerprint"}
        return ForeignRun(name, name, True, 0, {keys[key]: value for key, value in tags.items()}, {}, metrics)

    runs = [
        run("study", {"accuracy/mean": 0.7}),
        run("first", {"accuracy": 0.7}, parent="study", fingerprint="f1"),
        run("again", {"accuracy": 0.7}, parent="another study", fingerprint="f1"),
        run("second", {"accuracy": 0.8}, parent="study"),
        run("with folds", {"accuracy": 0.6}),
        run("fold", {"accuracy": 0.6}, parent="with folds"),
    ]

    assert [found.id for found in single_runs(runs, "accuracy")] == ["first", "second", "with folds", "fold"]
    grouped = [run._replace(params={"model": "a"}) for run in runs]
    assert summaries_of_others(grouped, "accuracy", "model") == {"with folds"}
    assert summaries_of_others([run._replace(finished=False) for run in grouped], "accuracy", "model") == set()
    grouped[-1] = grouped[-1]._replace(params={"model": "b"})
    assert summaries_of_others(grouped, "accuracy", "model") == set()


def test_what_mlflow_does_not_have_is_named_with_what_it_has(store: str) -> None:
    """Experiment, key and metric."""
    with pytest.raises(TrackingError, match="no experiment 'their'"):
        judged("their", by="model", tracking_uri=store)
    with pytest.raises(StudyError, match="tag or parameter 'modl'") as refused:
        judged("theirs", by="modl", tracking_uri=store)
    assert "model" in refused.value.hint
    with pytest.raises(StudyError, match="reports 'accuracy'"):
        judged("theirs", by="model", metric="accuracy", tracking_uri=store)


# --- the command ------------------------------------------------------------------------------


def test_the_command_prints_writes_and_gives_json(tmp_path: Path) -> None:
    """Table and cautions, the report's files, and the object of `report --json`."""
    study = str(written(tmp_path, DESIGN, "hollywood.yaml"))
    shown = CliRunner().invoke(app, ["judge", study])
    given = CliRunner().invoke(app, ["judge", study, "--json", "--report", str(tmp_path / "out"), "--lang", "zh"])
    schema = (resources.files("ablate.report") / "schemas" / "run.schema.json").read_text(encoding="utf-8")

    assert shown.exit_code == 0
    assert "0.225" in shown.output
    assert "nothing is established" in shown.output
    jsonschema.validate(json.loads(given.stdout), json.loads(schema))
    assert "没有任何结论成立" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_judged_table_has_a_whole_report(tmp_path: Path) -> None:
    """Every printer takes it, though nothing is known of epochs, costs and origin."""
    findings = judged(written(tmp_path, "variant,replicate,accuracy\na,0,.5\na,1,.52\nb,0,.6\nb,1,.63\n"))
    report = render_report(findings, tmp_path / "out")
    text = report.read_text(encoding="utf-8")

    assert first_sentence(findings) in text
    assert "ablate run" not in text
    assert summary_json(findings)["failed"] == []


def test_neither_torch_nor_mlflow_is_loaded(tmp_path: Path) -> None:
    """An answer in about a second."""
    study = str(written(tmp_path, DESIGN, "hollywood.yaml"))

    assert loaded_by(RUN.format(arguments=["judge", study])) & HEAVY <= {"scipy"}
