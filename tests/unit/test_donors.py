"""Runs that begin with other runs' weights: they wait for them, or are refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.harness.donors import donors_of, order_by_donors
from ablate.harness.fixed_source import FixedSource
from ablate.records import Failed, Finished, RunSpec
from ablate.store.run_names import write_names
from ablate.store.work_folder import Store
from ablate.trainer import load_trainer
from tests.training_builders import BUILT_IN, a_config, a_spec

TRAINER = load_trainer(BUILT_IN)


def a_study(work: Path, names: Sequence[tuple[str, str | None]]) -> list[tuple[str, RunSpec]]:
    """Variants of the study `s`, each with the variant it begins with; none has run."""
    specs = []
    for number, (name, donor) in enumerate(names):
        block = {} if donor is None else {"weights": {"run": donor}}
        specs.append((name, a_spec(a_config(block, epochs=number + 1))))
    runs = {name: {"0": spec.fingerprint} for name, spec in specs}
    write_names(Store(work).study("s"), "s", "s.yaml", runs)
    return specs


def test_the_trainer_says_which_runs_a_config_begins_with() -> None:
    """None where it draws its own weights or reads a file."""
    configs = [a_config(), a_config(weights={"file": "a.pt"}), a_config(weights={"run": "s/a"})]

    assert [donors_of(TRAINER, config.model_dump(mode="json")) for config in configs] == [[], [], ["s/a"]]


def test_runs_without_donors_keep_their_order(tmp_path: Path) -> None:
    """Nothing changes for studies that begin with nobody's weights."""
    specs = a_study(tmp_path, [("b", None), ("a", None)])

    assert order_by_donors(specs, TRAINER, Store(tmp_path)) == (specs, {})


def test_a_donor_comes_before_those_that_begin_with_it(tmp_path: Path) -> None:
    """Over several generations, whatever the study's own order is."""
    specs = a_study(tmp_path, [("grandchild", "s/child"), ("child", "s/parent"), ("parent", None), ("other", None)])

    ordered, needs = order_by_donors(specs, TRAINER, Store(tmp_path))

    names = [name for name, _ in ordered]
    assert names.index("parent") < names.index("child") < names.index("grandchild")
    of = {name: spec.fingerprint for name, spec in specs}
    assert needs == {of["grandchild"]: (of["child"],), of["child"]: (of["parent"],)}


def test_replicates_stay_together_where_runs_begin_with_others(tmp_path: Path) -> None:
    """A study that is stopped has complete replicates then, not every donor and nobody who begins with one."""
    names = [("parent", None), ("child", "s/parent"), ("other", None)]
    configs = [
        a_config({} if donor is None else {"weights": {"run": donor}}, epochs=n)
        for n, (_, donor) in enumerate(names, 1)
    ]
    specs = {
        (name, r): a_spec(one, replicate=r) for r in range(2) for (name, _), one in zip(names, configs, strict=True)
    }
    runs = {name: {str(r): specs[name, r].fingerprint for r in range(2)} for name, _ in names}
    write_names(Store(tmp_path).study("s"), "s", "s.yaml", runs)
    ordered, needs = order_by_donors([(name, spec) for (name, _), spec in specs.items()], TRAINER, Store(tmp_path))

    assert [spec.replicate.index for _, spec in ordered] == [0, 0, 0, 1, 1, 1]
    assert [name for name, _ in ordered].index("parent") < [name for name, _ in ordered].index("child")
    assert set(needs) == {specs["child", r].fingerprint for r in range(2)}


def test_a_donor_that_will_not_run_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    """With the study to run first."""
    specs = a_study(tmp_path, [("parent", None), ("child", "s/parent")])

    with pytest.raises(StudyError, match=r"child: it starts from the weights of s/parent/0, which has not finished"):
        order_by_donors(specs[1:], TRAINER, Store(tmp_path))


def test_runs_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    """Nobody could begin."""
    specs = a_study(tmp_path, [("a", "s/b"), ("b", "s/a")])

    with pytest.raises(StudyError, match="its weights come from runs that start from it"):
        order_by_donors(specs, TRAINER, Store(tmp_path))


def test_a_run_starts_when_its_donor_has_finished(tmp_path: Path) -> None:
    """Others go first; free slots are not filled with runs that must wait."""
    specs = a_study(tmp_path, [("parent", None), ("child", "s/parent"), ("other", None)])
    ordered, needs = order_by_donors(specs, TRAINER, Store(tmp_path))
    (parent, child, other) = (spec for _, spec in specs)
    source = FixedSource([spec for _, spec in ordered], needs)

    assert source.take(5) == [parent, other]
    assert source.take(5) == []
    assert not source.done()
    source.heard(parent, Finished(folder=tmp_path, metrics={}))
    assert source.take(5) == [child]
    assert source.done()


def test_a_run_whose_donor_failed_is_never_started(tmp_path: Path) -> None:
    """Nor what would have begun with that one; the study ends all the same."""
    specs = a_study(tmp_path, [("parent", None), ("child", "s/parent"), ("grandchild", "s/child")])
    ordered, needs = order_by_donors(specs, TRAINER, Store(tmp_path))
    source = FixedSource([spec for _, spec in ordered], needs)
    (parent,) = source.take(3)

    source.heard(parent, Failed(folder=tmp_path, reason="error"))

    assert source.done()
