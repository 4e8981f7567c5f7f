"""The plan: every variant, every contrast, every run, fixed before the first one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.readers.published import read_figures
from ablate.splits.rules import Folds, Replicate
from ablate.study.plan import Plan, make_plan
from tests.study_builders import DECAY, FACTORS, NORM, WIDE, a_plan, a_study_file, by_name, read_study


def refusal(*sets: str, other_design: str | None = None, **blocks: Any) -> StudyError:
    """Why there is no such plan; every refusal comes with a remedy."""
    study = read_study(a_study_file(**blocks), sets=sets, other_design=other_design)
    with pytest.raises(StudyError) as caught:
        make_plan(study)
    assert caught.value.hint
    return caught.value


def names(plan: Plan) -> list[str]:
    """The variants in order."""
    return [variant.name for variant in plan.variants]


def changes(plan: Plan) -> dict[str, Any]:
    """Variant -> what tells it from its reference."""
    return {variant.name: dict(variant.changes) for variant in plan.variants if variant.reference}


# --- variants ---------------------------------------------------------------------------------


def test_a_plan_has_variants_contrasts_and_looks() -> None:
    """In the order of the file."""
    plan = a_plan(evidence={"replicates": [2, 4]})

    assert (plan.study, plan.trainer, plan.looks) == ("small", "tests.small_trainer:train", (2, 4))
    assert names(plan) == ["baseline", "BN", "wide"]
    assert [(c.name, c.variant, c.reference, c.family) for c in plan.contrasts] == [
        ("BN", "BN", "baseline", "chain"),
        ("wide", "wide", "BN", "chain"),
    ]


def test_a_variant_has_its_whole_config() -> None:
    """Defaults included, and the changes of the steps before it."""
    config = by_name(a_plan())["wide"].config

    assert config["model"]["norm"] == {"name": "batch", "position": "after"}
    assert (config["model"]["width"], config["epochs"]) == (16, 3)


def test_runs_go_replicate_by_replicate_over_all_variants() -> None:
    """So that a study that is stopped early is balanced."""
    plan = a_plan(evidence={"replicates": [1, 2]})
    order = [(variant.name, spec.replicate.index) for variant, spec in plan.runs(2)]

    assert order == [(name, index) for index in (0, 1) for name in ("baseline", "BN", "wide")]
    assert len(list(plan.runs())) == 3


def test_a_run_carries_what_a_worker_needs() -> None:
    """Config, identity, protocol and replicate."""
    plan = a_plan()
    variant = plan.variant("BN")
    spec = plan.spec(variant, Replicate(index=1))

    assert (spec.trainer, spec.config, spec.identity) == (plan.trainer, variant.config, variant.identity)
    assert (spec.protocol.test, spec.replicate.index) == (Folds(count=3), 1)


def test_a_variant_that_is_not_there_lists_those_that_are() -> None:
    """With a near match."""
    with pytest.raises(StudyError) as caught:
        a_plan().variant("Wide")

    assert caught.value.message == "the study 'small' has no variant 'Wide'"
    assert caught.value.hint == "Did you mean 'wide'? Variants: baseline, BN, wide."


def test_naming_variants_to_train_never_shrinks_a_family() -> None:
    """`only` is no part of the plan: contrasts are those of the whole study."""
    plan = a_plan(chain=FACTORS, compare={"X": {"set": DECAY}})

    assert {c.family: [d.name for d in plan.contrasts if d.family == c.family] for c in plan.contrasts} == {
        "chain": ["BN", "wide"],
        "compare": ["X"],
    }


# --- changes ----------------------------------------------------------------------------------


def test_a_step_of_a_chain_changes_what_it_adds() -> None:
    """Not what its predecessors did."""
    assert changes(a_plan(chain={"BN": NORM, "wide": WIDE})) == {"BN": NORM, "wide": WIDE}


def test_a_variant_without_a_factor_changes_it_back() -> None:
    """Shown by the value the key has now."""
    plan = a_plan(leave_one_out={"BN": NORM, "wide": WIDE})

    assert changes(plan) == {
        "all factors": NORM | WIDE,
        "without BN": {"model.norm": None},
        "without wide": {"model.width": 8},
    }


def test_a_value_inside_a_block_is_shown_by_its_own_key() -> None:
    """The block around it is not shown again."""
    plan = a_plan(chain={"BN": NORM, "early": {"model.norm.position": "before"}})

    assert changes(plan)["early"] == {"model.norm.position": "before"}


def test_a_block_that_is_another_one_is_shown_as_a_whole() -> None:
    """Values inside it say nothing on their own."""
    steps = {
        "BN": NORM,
        "early": {"model.norm.position": "before"},
        "GN": {"model.norm": {"name": "group", "groups": 4}},
    }

    assert changes(a_plan(chain=steps))["GN"] == {"model.norm": {"name": "group", "groups": 4}}


def test_a_block_that_is_new_is_shown_as_it_stands_in_the_end() -> None:
    """With what later steps have set inside it."""
    factors = {"GN": {"model.norm": {"name": "group", "groups": 2}}, "early": {"model.norm.position": "before"}}
    plan = a_plan(base={"optimizer": {"lr": 0.1}, "model": {"norm": {"name": "batch"}}}, leave_one_out=factors)

    assert changes(plan)["all factors"] == {"model.norm": {"name": "group", "groups": 2, "position": "before"}}


@pytest.mark.parametrize(
    "order", [("warmup", "epochs", "key"), ("warmup", "key", "epochs"), ("key", "epochs", "warmup")]
)
def test_two_changes_that_go_together_may_stand_in_any_order(order: tuple[str, ...]) -> None:
    """Validation comes after all of them; a path through null stays one."""
    together = {"warmup": ("warmup", 5), "epochs": ("epochs", 9)}
    good = together | {"key": ("model.width", 4)}
    bad = together | {"key": ("model.dropout.features", 0.5)}
    plan = a_plan(chain={"long": dict(good[name] for name in order)})
    error = refusal(chain={"long": dict(bad[name] for name in order)})

    assert by_name(plan)["long"].identity == {"optimizer": {"lr": 0.1}, "warmup": 5, "epochs": 9, "model": {"width": 4}}
    assert "leads through 'model.dropout', which is null here" in error.message


# --- no-op guard ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "factor",
    [
        {"model.width": 8},
        {"model.head": {"name": "gap"}},
        {"optimizer.lr": 0.1},
        {"model": {"width": 8, "dropout": None}},
    ],
)
def test_a_change_that_changes_nothing_is_refused(factor: Mapping[str, Any]) -> None:
    """The value is the default, or what the base says already."""
    error = refusal(chain={"BN": NORM, "nothing": factor} if "model" not in factor else {"nothing": factor})

    assert ": 'nothing' changes nothing: its configuration equals that of " in error.message


def test_a_step_that_repeats_an_earlier_one_is_refused() -> None:
    """It is compared with its predecessor, not with the baseline."""
    assert "equals that of 'wide'" in refusal(chain={"BN": NORM, "wide": WIDE, "again": NORM}).message


def test_a_change_of_a_folder_says_that_it_cannot_change_a_result() -> None:
    """Roots and devices are no part of a run's identity."""
    error = refusal(chain={"elsewhere": {"data.root": "other", "device": "cpu"}})

    assert error.message.endswith("'elsewhere' changes nothing that can change a result: data.root, device")


def test_a_comparison_that_changes_nothing_is_refused() -> None:
    """Like a step."""
    error = refusal(chain=FACTORS, compare={"X": {"with": "wide", "set": WIDE}})

    assert ": 'X' changes nothing: its configuration equals that of 'wide'" in error.message


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"one_at_a_time": {"BN": NORM, "same": NORM}}, "'only same' is the same configuration as 'only BN'"),
        ({"chain": {"BN": NORM, "back": {"model.norm": None}}}, "'back' is the same configuration as 'baseline'"),
    ],
)
def test_two_names_for_one_configuration_are_refused(blocks: Any, message: str) -> None:
    """One name a configuration."""
    assert message in refusal(**blocks).message


def test_a_comparison_that_is_a_variant_already_is_refused() -> None:
    """The design asks that question."""
    error = refusal(chain=FACTORS, compare={"X": {"set": NORM}})

    assert "'X' is the same configuration as 'BN'" in error.message


# --- what changes the test images -------------------------------------------------------------


@pytest.mark.parametrize("factor", [{"data.seed": 1}, {"data.source": "faces"}, {"data": {"seed": 1}}])
@pytest.mark.parametrize("design", ["chain", "one_at_a_time", "factorial"])
def test_a_factor_that_changes_the_test_images_is_refused(design: str, factor: Mapping[str, Any]) -> None:
    """A step judged on other images is no step."""
    key = "data.source" if "data.source" in factor else "data.seed"
    error = refusal(**{design: {"other data": factor}})

    assert f"changes {key}, and with it the test images" in error.message
    assert "compare:" in error.hint


def test_a_comparison_on_other_test_images_is_not_assessable() -> None:
    """It is trained and shown, but gets no verdict."""
    plan = a_plan(chain=FACTORS, compare={"faces": {"set": {"data.source": "faces"}}, "decay": {"set": DECAY}})

    assert {c.name: c.not_assessable for c in plan.contrasts} == {
        "BN": "",
        "wide": "",
        "faces": "different test sets",
        "decay": "",
    }


# --- compare ----------------------------------------------------------------------------------


def test_a_comparison_is_laid_on_its_reference() -> None:
    """With everything the reference changes."""
    plan = a_plan(chain=FACTORS, compare={"decay": {"with": "BN", "set": DECAY}})
    variant = by_name(plan)["decay"]

    assert (variant.reference, variant.changes) == ("BN", DECAY)
    assert variant.config["model"]["norm"] is not None
    assert plan.contrasts[-1].weights == {"decay": 1.0, "BN": -1.0}


def test_a_comparison_may_stand_on_one_above_it() -> None:
    """They are made in the order of the file."""
    blocks = {"decay": {"set": DECAY}, "more": {"with": "decay", "set": {"optimizer.weight_decay": 0.2}}}
    plan = a_plan(chain=FACTORS, compare=blocks)

    assert by_name(plan)["more"].reference == "decay"


def test_a_comparison_replaces_what_its_reference_set_inside_a_block() -> None:
    """As a later step would."""
    plan = a_plan(
        chain={"BN": {"model.norm": {"name": "batch", "position": "before"}}},
        compare={"GN": {"with": "BN", "set": {"model": {"norm": {"name": "group", "groups": 2}}}}},
    )

    assert by_name(plan)["GN"].identity["model"] == {"norm": {"name": "group", "groups": 2}}


def test_a_comparison_with_a_variant_that_is_not_there_is_refused() -> None:
    """With a near match."""
    error = refusal(chain=FACTORS, compare={"X": {"with": "Bn", "set": DECAY}})

    assert "there is no variant 'Bn' to compare with" in error.message
    assert error.hint == "Did you mean 'BN'? Variants: baseline, BN, wide."


def test_a_comparison_under_a_taken_name_is_refused() -> None:
    """Two different things cannot have one name."""
    error = refusal(chain=FACTORS, compare={"BN": {"set": DECAY}})

    assert "two different variants would be called 'BN'" in error.message


# --- places -----------------------------------------------------------------------------------

TEXT = """\
study: small
trainer: tests.small_trainer:train
base:
  optimizer: {lr: 0.1}
  warmup: 2
evidence: {replicates: 3}
leave_one_out:
  norm:
    model.norm: {name: batch}
  wide:
    model.width: WIDE
  short:
    epochs: EPOCHS
"""


@pytest.mark.parametrize(
    ("width", "epochs", "message"),
    [
        (0, 4, "study.yaml:11: 'model.width': expected a whole number of at least 1, got 0 "
               "(in variant 'all factors')"),
        (4, 2, "study.yaml:12: warmup (2) must be below epochs (2) (in variant 'all factors')"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_at_its_own_line_whatever_else_the_variant_changes(
    width: int, epochs: int, message: str
) -> None:
    """Not at the line of the last factor; where two values clash, at the last change."""
    study = read_study(TEXT.replace("WIDE", str(width)).replace("EPOCHS", str(epochs)))
    with pytest.raises(StudyError) as caught:
        make_plan(study)

    assert caught.value.message.split("/")[-1] == message


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"chain": {"BN": NORM, "all": {"data.train": 0.99}}}, "data.train (0.99) leaves nothing to test on"),
        ({"chain": FACTORS, "base": {"optimizer": {"lr": 0.1}, "flip": True}}, "flip needs validation images"),
        ({"compare": {"X": {"set": {"flip": True}}}}, "flip needs validation images"),
    ],
)
def test_the_trainer_may_refuse_what_no_data_could_meet(blocks: Any, message: str) -> None:
    """Before anything is read; the place is the line of the key it names."""
    assert message in refusal(**blocks).message


# --- another design ---------------------------------------------------------------------------


def test_a_config_keeps_the_name_the_studys_own_design_gave_it() -> None:
    """So that its runs are found under one name in every report."""
    plan = a_plan(chain={"BN": NORM, "wide": WIDE, "decay": DECAY}, other_design="leave_one_out")

    assert names(plan) == ["baseline", "decay", "without BN", "without wide", "wide"]
    assert plan.contrasts[2].variant == "decay"
    assert plan.contrasts[2].weights == {"decay": 1.0, "wide": -1.0}


def test_another_design_has_the_same_runs_for_the_same_configs() -> None:
    """Nothing is trained twice."""
    own = {
        v.identity["model"]["width"]: s.fingerprint
        for v, s in a_plan(chain={"wide": WIDE}).runs()
        if "model" in v.identity
    }
    other = {
        v.identity["model"]["width"]: s.fingerprint
        for v, s in a_plan(chain={"wide": WIDE}, other_design="factorial").runs()
        if "model" in v.identity
    }

    assert own == other


def test_another_design_leaves_comparisons_out() -> None:
    """Their references are variants of the study's own design."""
    blocks = {"X": {"with": "BN", "set": DECAY}}
    plan = a_plan(chain=FACTORS, compare=blocks, other_design="leave_one_out")

    assert "X" not in names(plan)


def test_another_design_does_not_mind_published_figures_of_other_variants() -> None:
    """They belong to the study's own design."""
    plan = a_plan(chain=FACTORS, published={"accuracy": {"BN": 50}}, other_design="leave_one_out")

    assert "without BN" in names(plan)


def test_a_design_of_its_own_that_cannot_be_laid_out_names_nothing() -> None:
    """Another one over the same factors may still be run."""
    factors = {"early": {"model.norm.position": "before"}, "wide": WIDE}
    chain = {"BN": NORM} | factors
    broken = a_study_file(leave_one_out=chain)

    assert names(make_plan(read_study(broken, other_design="chain"))) == ["baseline", "BN", "early", "wide"]


def test_two_variants_that_would_share_a_name_are_refused() -> None:
    """A factor may be called what another design calls a variant."""
    error = refusal(chain={"only BN": DECAY, "BN": NORM}, other_design="one_at_a_time")

    assert "two different variants would be called 'only BN'" in error.message


def test_two_combinations_that_would_share_a_name_are_refused() -> None:
    """A factor may be called what a combination is called."""
    error = refusal(factorial={"A": DECAY, "B": NORM, "A & B": WIDE, "C": {"flip": False, "epochs": 4}})

    assert "two different variants would be called 'A & B & C'" in error.message


# --- identity ---------------------------------------------------------------------------------


def fingerprints(**options: Any) -> dict[str, str]:
    """Variant -> fingerprint of its first run."""
    return {variant.name: spec.fingerprint for variant, spec in a_plan(**options).runs() if spec.replicate.index == 0}


def test_another_root_keeps_every_fingerprint() -> None:
    """Runs are found again after the images were moved."""
    assert fingerprints(sets=["data.root=elsewhere", "device=cuda"]) == fingerprints()


def test_a_default_that_is_written_out_keeps_every_fingerprint() -> None:
    """And with it a new block with a default."""
    assert fingerprints(sets=["model.width=8", "flip=false", "normalize=null"]) == fingerprints()


def test_any_other_value_changes_every_fingerprint() -> None:
    """All variants stand on the base."""
    before, after = fingerprints(), fingerprints(sets=["epochs=4"])

    assert set(before.values()).isdisjoint(after.values())


@pytest.mark.parametrize(
    "change", ["evidence.test={folds: 4}", "evidence.test={share: 0.2}", "evidence.test=official", "evidence.val=0.1"]
)
def test_what_a_run_is_tested_on_is_part_of_its_fingerprint(change: str) -> None:
    """Another test part is another run."""
    assert set(fingerprints().values()).isdisjoint(fingerprints(sets=[change]).values())


@pytest.mark.parametrize(
    "change", ["evidence.worthwhile=5.0", "evidence.negligible=0.5", "evidence.replicates=9", "evidence.metric=loss"]
)
def test_how_a_run_is_judged_is_no_part_of_its_fingerprint(change: str) -> None:
    """Thresholds can be discussed without training again."""
    assert fingerprints(sets=[change]) == fingerprints()


def test_the_metric_counts_where_it_chooses_the_epoch() -> None:
    """Another choice is another result."""
    best = ["evidence.val=0.1", "evidence.weights=best"]

    assert fingerprints(sets=best) != fingerprints(sets=[*best, "evidence.metric=loss"])


def test_replicates_differ_in_their_fingerprint() -> None:
    """By index and by stream."""
    plan = a_plan()
    variant = plan.variants[0]
    replicates = [Replicate(index=0), Replicate(index=1), Replicate(index=0, stream="confirm")]

    assert len({plan.spec(variant, replicate).fingerprint for replicate in replicates}) == 3


def test_a_sealed_protocol_is_another_run() -> None:
    """A trial of a search never stands for a run that was tested."""
    plan = a_plan()
    sealed = replace(plan, protocol=replace(plan.protocol, sealed=True))
    specs = [p.spec(p.variants[0], Replicate(index=0)) for p in (plan, sealed)]

    assert specs[0].fingerprint != specs[1].fingerprint


# --- published --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "fraction"),
    [
        ("149/360", (149 / 360, 360)), (" 0 / 5 ", (0.0, 5)), (41.4, (0.414, None)), (0, (0.0, None)),
        (100, (1.0, None)),
        ("41 %", (0.41, None)), ("0.9%", (0.009, None)), (0.935, (0.935, None)),
    ],
)  # fmt: skip
def test_a_published_figure_is_a_count_a_percentage_or_a_fraction(
    figure: Any, fraction: tuple[float, int | None]
) -> None:
    """A count says on how many images it rests; a number without a mark is a fraction up to 1."""
    (found,) = read_figures("accuracy", {"BN": figure}, str).values()

    assert (found.value, found.images) == (pytest.approx(fraction[0]), fraction[1])


def test_published_fractions_beside_percentages_are_refused() -> None:
    """Nobody knows whether 0.935 is a fraction or a percentage once 94.1 stands beside it."""
    with pytest.raises(StudyError, match=r"s.yaml:base: '0.935' and s.yaml:BN: '94.1' may be in two units") as caught:
        read_figures("accuracy", {"base": 0.935, "BN": 94.1}, lambda name: f"s.yaml:{name}")
    marked = read_figures("accuracy", {"base": 0.935, "BN": "94.1 %"}, str)

    assert "%" in caught.value.hint
    assert [figure.value for figure in marked.values()] == pytest.approx([0.935, 0.941])


def test_figures_of_a_metric_by_stored_answers_may_be_published() -> None:
    """Whatever the trainer itself reports."""
    plan = a_plan(chain=FACTORS, published={"auroc": {"BN": 0.91}, "sensitivity:melanoma": {"BN": "80%"}})

    assert plan.variants


def test_published_figures_of_a_loss_stay_in_its_own_unit() -> None:
    """A loss of 0.8 beside one of 1.2 is no percentage."""
    found = read_figures("loss", {"base": 0.8, "BN": 1.2}, str)

    assert [figure.value for figure in found.values()] == [0.8, 1.2]


@pytest.mark.parametrize(
    "figure", ["361/360", "0/0", "-1/5", "a/b", "²/5", 101, -1, True, None, [1], "1/2/3", "9 ± 1", "nan"]
)
def test_a_figure_that_is_neither_is_refused(figure: Any) -> None:
    """With both forms."""
    with pytest.raises(StudyError, match="is not a published figure") as caught:
        read_figures("accuracy", {"BN": figure}, str)

    assert caught.value.hint == "Write a count, 149/360, or a percentage, 41.4 %."


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ({"accuracy": {"Bn": 5}}, "there is no variant 'Bn'"),
        ({"acuracy": {"BN": 5}}, "the trainer tests.small_trainer:train does not report 'acuracy'"),
        ({"accuracy": 5}, "published.accuracy: expected one figure per variant, got 5"),
        ({"accuracy": {"BN": "many"}}, "'many' is not a published figure"),
    ],
)
def test_published_figures_must_belong_to_variants(published: Any, message: str) -> None:
    """Each mistake at its line, with a remedy."""
    assert message in refusal(chain=FACTORS, published=published).message


def test_published_figures_may_have_a_protocol() -> None:
    """A sentence, shown as a footnote."""
    plan = a_plan(chain=FACTORS, published={"protocol": "best epoch on test", "accuracy": {"BN": "149/360"}})

    assert len(plan.variants) == 3


def test_a_variant_of_another_design_is_found_by_either_name() -> None:
    """What the study's own design has named keeps that name, so that its runs are found again."""
    plan = a_plan(other_design="one_at_a_time")

    assert plan.variant("only BN").name == "BN"
    assert plan.variant("only wide").name == "only wide"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"study": "sample"}, "reports/sample holds the report that comes with ablate"),
        ({"evidence": {"replicates": [3, 6], "shares": [0.3, 0.3, 0.4]}}, "do not divide the error rate among looks"),
        ({"evidence": {"replicates": [3, 6], "shares": [0.2, 0.2]}}, "do not divide the error rate among looks"),
    ],
)
def test_a_study_that_cannot_be_planned_is_refused(changes: dict[str, Any], told: str) -> None:
    """When the file is read."""
    with pytest.raises(StudyError, match=told):
        read_study(a_study_file(**changes))
