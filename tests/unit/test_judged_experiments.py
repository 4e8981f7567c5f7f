"""Somebody's runs in MLflow: which replicate each is, in which unit its number is, and which have no result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.readers.tested import Ask, HandedIn
from ablate.readers.tracked import Tracked, read_tracked
from ablate.report.facts.findings import Findings
from ablate.workflows.judge import Request, judge_results, only_rate

METRIC = "test_acc"


def run(variant: str, value: float, **keys: object) -> Tracked:
    """A finished run of this variant."""
    return Tracked(f"{variant} of {keys}", variant, {key: str(label) for key, label in keys.items()}, value)


def read(runs: Sequence[Tracked], **ask: object) -> HandedIn:
    """The runs as results; by `model`."""
    return read_tracked(runs, Ask(by="model", **ask), METRIC, "theirs")  # type: ignore[arg-type]  # as the keywords say


def numbered(found: HandedIn) -> list[tuple[str, int]]:
    """Variant and replicate of each run."""
    return [(one.variant, one.replicate) for one in found.runs]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two models on five folds under a seed a fold, started in no order; the baseline is not the first."""
    from ablate.track.environment import quiet_environment

    quiet_environment()
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('store') / 'theirs.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("theirs", artifact_location=str(tmp_path_factory.mktemp("artifacts")))
    order: list[tuple[str, int]] = [("BN", 3), ("baseline", 0), ("BN", 0), ("BN", 4), ("baseline", 4), ("baseline", 1)]
    order += [("BN", 1), ("baseline", 3), ("BN", 2), ("baseline", 2)]
    for start, (model, fold) in enumerate(order):
        value = 70 + 4 * fold + (2.0 + fold / 20 if model == "BN" else 0)
        _log(client, experiment, start, {"model": model, "fold": fold, "seed": 40 + fold}, value)
    _log(client, experiment, 20, {"model": "BN", "fold": 5, "seed": 45}, float("nan"))
    _log(client, experiment, 21, {"model": "BN", "fold": 6, "seed": 46}, float("inf"))
    _log(client, experiment, 22, {"model": "baseline", "fold": 6, "seed": 46}, float("-inf"))
    return uri


def test_a_run_that_tells_the_mean_of_its_folds_is_no_further_run(tmp_path: Path) -> None:
    """Nested runs, whose parent logs their mean under the same name and parameter: three folds, and said so."""
    from ablate.track.environment import quiet_environment

    quiet_environment()
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'nested.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("theirs", artifact_location=str(tmp_path / "artifacts"))
    for start, (model, mean) in enumerate([("a", 80.0), ("b", 90.0)]):
        parent = client.create_run(experiment, start_time=start)
        client.log_param(parent.info.run_id, "model", model)
        client.log_metric(parent.info.run_id, METRIC, mean)
        for fold in range(3):
            child = client.create_run(experiment, start_time=start, tags={"mlflow.parentRunId": parent.info.run_id})
            client.log_param(child.info.run_id, "model", model)
            client.log_param(child.info.run_id, "fold", fold)
            client.log_metric(child.info.run_id, METRIC, mean - 1 + fold)
            client.set_terminated(child.info.run_id, "FINISHED")
        client.set_terminated(parent.info.run_id, "FINISHED")

    findings = judged(uri, paired=True)

    assert {row.name: row.n for row in findings.variants} == {"a": 3, "b": 3}
    assert any(
        "hold other runs of the same variant that report test_acc themselves: 2 runs" in x
        for x in findings.notices.cautions
    )


def _log(client: object, experiment: str, start: int, params: Mapping[str, object], value: float) -> None:
    from mlflow import MlflowClient

    assert isinstance(client, MlflowClient)
    made = client.create_run(experiment, start_time=1_000 + start)
    for key, label in params.items():
        client.log_param(made.info.run_id, key, label)
    client.log_metric(made.info.run_id, METRIC, value)
    client.set_terminated(made.info.run_id, "FINISHED")


def judged(uri: str, **more: object) -> Findings:
    """The findings on the experiment."""
    return judge_results(Request(source="theirs", by="model", metric=METRIC, tracking_uri=uri, **more))  # type: ignore[arg-type]


def test_pairs_follow_from_seed_and_fold_and_not_from_the_order_of_starts(theirs: str) -> None:
    """Known answer: differences of 2.0 to 2.2 whatever the fold; the reference is the one called baseline."""
    findings = judged(theirs, paired=True)
    (effect,) = findings.effects

    assert effect.compared.reference == "baseline"
    assert effect.measured.by_replicate == pytest.approx((2.0, 2.05, 2.1, 2.15, 2.2))
    assert effect.measured.lo is not None
    assert effect.measured.lo > 1.9
    assert any("replicates by seed and fold" in line for line in findings.notices.cautions)
    assert any("by its name" in line for line in findings.notices.cautions)


def test_an_experiment_is_grouped_by_all_parameters_but_the_seed(theirs: str) -> None:
    """Without --by, as mlflow:EXPERIMENT: the same answer, and what was guessed."""
    findings = judge_results(Request(source="mlflow:theirs", metric=METRIC, tracking_uri=theirs, paired=True))

    assert findings.effects[0].measured.by_replicate == pytest.approx((2.0, 2.05, 2.1, 2.15, 2.2))
    assert any("variants differ in model" in line for line in findings.notices.cautions)


def test_the_replicate_may_be_named(theirs: str) -> None:
    """And a key that is not there is answered with those that are."""
    assert judged(theirs, paired=True, replicate="fold").effects[0].measured.n == 5
    with pytest.raises(StudyError, match="there is nothing called 'fld'") as refused:
        judged(theirs, paired=True, replicate="fld")

    assert "fold" in refused.value.hint


def test_runs_with_nan_or_infinity_are_left_out_and_counted(theirs: str) -> None:
    """The rest is judged."""
    findings = judged(theirs)

    assert {row.name: row.n for row in findings.variants} == {"baseline": 5, "BN": 5}
    assert any("test_acc is NaN or infinite: 3 runs" in line for line in findings.notices.cautions)


def test_a_seed_of_its_own_for_every_run_pairs_nothing() -> None:
    """The fold does; with neither the command asks."""
    runs = [
        run("a", 0.5, seed=1, fold=0),
        run("a", 0.6, seed=2, fold=1),
        run("b", 0.7, seed=3, fold=1),
        run("b", 0.8, seed=4, fold=0),
    ]
    found = read(runs, paired=True)

    assert numbered(found) == [("a", 0), ("a", 1), ("b", 1), ("b", 0)]
    assert "judge.left_aside" in [note.key for note in found.notes]
    with pytest.raises(StudyError, match="has the same seed") as refused:
        read([one._replace(keys={"seed": one.keys["seed"]}) for one in runs], paired=True)
    assert "--replicate" in refused.value.hint


def test_runs_without_any_key_are_never_paired_by_their_order() -> None:
    """Unpaired they are numbered by their start."""
    runs = [run("a", 0.5, lr=1), run("a", 0.6, lr=1), run("b", 0.7, lr=1)]

    assert numbered(read(runs)) == [("a", 0), ("a", 1), ("b", 0)]
    with pytest.raises(StudyError, match="nothing says which replicate") as refused:
        read(runs, paired=True)
    assert "They have: lr" in refused.value.hint


def test_a_key_that_some_runs_lack_tells_nothing() -> None:
    """Named, it is asked about."""
    runs = [run("a", 0.5, seed=1), run("a", 0.6), run("b", 0.7, seed=1)]

    assert "judge.order" in [note.key for note in read(runs).notes]
    with pytest.raises(StudyError, match="1 of 3 runs have no 'seed'"):
        read(runs, replicate="seed")


def test_fractions_beside_percentages_between_runs_are_refused() -> None:
    """Both runs are named; --unit, or a name that says it, settles it."""
    runs = [run("a", 0.91, seed=0), run("b", 93.5, seed=0)]
    with pytest.raises(StudyError, match=r"run .a of .*0.91.* and run .b of .*93.5.* two units") as refused:
        read(runs)

    assert "--unit" in refused.value.hint
    assert [one.value for one in read(runs, unit="percent").runs] == pytest.approx([0.0091, 0.935])
    named = read_tracked([run("a", 0.9), run("b", 1.2)], Ask(by="model"), "test_acc_pct", "theirs")
    assert [one.value for one in named.runs] == pytest.approx([0.009, 0.012])


@pytest.mark.parametrize("value", [101.5, -0.5])
def test_no_rate_lies_outside_0_to_100_percent(value: float) -> None:
    """The run is named."""
    with pytest.raises(StudyError, match="is not a value of test_acc"):
        read([run("a", value), run("b", 50.0)])


def test_one_of_several_rates_is_asked_for() -> None:
    """None is taken for its place in the alphabet."""
    reported = (["accuracy", "val_acc"], ["f1", "loss"], ["loss"], ["summary/accuracy/hi", "test/accuracy"])

    assert [only_rate(names, "theirs") for names in reported] == ["accuracy", "f1", "accuracy", "test/accuracy"]
    with pytest.raises(StudyError, match="report f1, val_acc") as refused:
        only_rate(["f1", "val_acc"], "theirs")

    assert "--metric" in refused.value.hint


def test_a_study_file_has_neither_replicates_nor_units_to_name(tmp_path: Path) -> None:
    """Nothing that was asked for is ignored."""
    with pytest.raises(StudyError, match="apply to tables and experiments"):
        judge_results(Request(source=str(tmp_path / "s.yaml"), replicate="fold"))
