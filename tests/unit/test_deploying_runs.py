"""Finished runs become files: trained on, exported and kept; what cannot be had is refused before anything is made."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.deploy.opening import read_metadata
from ablate.deploy.records import Step
from ablate.errors import AblateError, DataError, NotInstalled, StudyError, TrainerError
from ablate.execute import worker
from ablate.execute.inline import InlineExecutor
from ablate.files import write_json
from ablate.records import RunSpec
from ablate.store.journal import read_events, read_result
from ablate.store.run_names import SEARCH, write_names
from ablate.store.work_folder import Store
from ablate.study.deploy_schema import DEFAULT, DeployBlock
from ablate.trainer import load_trainer
from ablate.training.compress.eager import open_weights
from ablate.workflows.deploy import asked, made_files
from ablate.workflows.deploy.fine_tuning import Tuned, tuned_results
from ablate.workflows.deploy.from_study import deploy_study, members_of, refuse_impossible
from ablate.workflows.deploy.made_files import Folder
from ablate.workflows.deploy.making import Member, make_steps, tuned_run
from ablate.workflows.deploy.rows import Network, wanted_rows
from ablate.workflows.deploy.study_tests import study_tests
from tests.training_builders import (
    LOADED,
    PROTOCOL,
    a_config,
    a_spec,
    a_task,
    an_attempt,
    finished,
    share_cache,
)

TRAINER = load_trainer("ablate.training:train")
PRUNED = {"prune": {"channels": 0.5, "fine_tune": {"epochs": 1, "lr": 1e-3}}}


def a_block(*steps: Any) -> DeployBlock:
    """A block with these steps."""
    return DeployBlock.model_validate({"steps": list(steps)})


def a_run(work: Path, study: str = "s", variant: str = "net", *, protocol: Any = PROTOCOL, **changes: Any) -> Member:
    """A finished run by its name, one epoch long."""
    spec = a_spec(a_config({**LOADED, "warmup": None, "epochs": 1, **changes}), protocol=protocol)
    write_names(Store(work).study(study), study, "s.yaml", {variant: {"0": spec.fingerprint}})
    attempt = an_attempt(a_task(work, spec))
    assert worker.main(attempt) == 0
    return Member(f"{study}/{variant}/0", spec, finished(read_result(attempt)))


@pytest.fixture(scope="module")
def work(decoded_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which s/net/0 has finished."""
    folder = share_cache(decoded_digits, tmp_path_factory.mktemp("deployed"))
    a_run(folder)
    return folder


@pytest.fixture
def member(work: Path) -> Member:
    """The finished run."""
    return members_of("s/net", Store(work))[0]


# --- training on ----------------------------------------------------------------------------------


def test_a_run_that_goes_on_is_the_run_itself_but_for_what_is_asked(member: Member) -> None:
    """The same images and luck, at one learning rate; its weights are those of the run, pruned."""
    run = tuned_run(member, Network(0.5, a_block(PRUNED, "onnx").prune.fine_tune))  # type: ignore[union-attr]
    before, after = (TRAINER.config.model_validate(spec.config) for spec in (member.spec, run.spec))

    assert run.name == "s-deploy/net pruned 0.5/0"
    assert (run.spec.protocol, run.spec.replicate) == (member.spec.protocol, member.spec.replicate)
    changed = {name for name in type(before).model_fields if getattr(before, name) != getattr(after, name)}
    assert changed == {"weights", "optimizer", "schedule"}
    assert after.weights.model_dump(exclude_none=True) == {"run": "s/net", "prune": {"channels": 0.5}}
    assert after.optimizer == before.optimizer.model_copy(update={"lr": 1e-3})


def test_everything_is_trained_on_at_the_learning_rate_asked_for(member: Member) -> None:
    """Whatever the run gave to parts of its network."""
    config = a_config({**LOADED, "optimizer": {"name": "sgd", "lr": 0.1, "parts": {"output": {"lr": 1.0}}}})
    run = tuned_run(member._replace(spec=a_spec(config)), Network(0.5, a_block(PRUNED, "onnx").prune.fine_tune))  # type: ignore[union-attr]

    optimizer = TRAINER.config.model_validate(run.spec.config).optimizer
    assert (optimizer.lr, optimizer.parts) == (1e-3, None)


def test_training_aware_of_int8_goes_on_from_the_run(member: Member) -> None:
    """As many bits as the processor adds up exactly."""
    tuning = a_block({"int8": "aware"}, "onnx").aware
    config = TRAINER.config.model_validate(tuned_run(member, Network(None, tuning, aware=True)).spec.config)

    assert config.quantization_aware.bits in (7, 8)
    assert config.epochs == 2


def a_tuned(member: Member, **changes: Any) -> Tuned:
    """A run that goes on, with something of its settings changed."""
    run = tuned_run(member, Network(0.5, a_block(PRUNED, "onnx").prune.fine_tune))  # type: ignore[union-attr]
    config = TRAINER.config.model_validate(run.spec.config | changes)
    return replace(run, spec=replace(a_spec(config), protocol=run.spec.protocol, replicate=run.spec.replicate))


def test_what_is_trained_on_is_trained_once(member: Member, decoded_digits: Path, tmp_path: Path) -> None:
    """And can be had by its name; told are what is trained, and each epoch."""
    work = share_cache(decoded_digits, tmp_path)
    run = a_tuned(a_run(work))
    told: list[str] = []

    first, second = (
        tuned_results([run], TRAINER, Store(work), told.append, open_executor=lambda _: InlineExecutor())
        for _ in range(2)
    )

    assert first == second
    assert told == [f"Fine-tuning 1 run: {run.name}", f"{run.name}: epoch 1 of 1"]
    assert members_of("s-deploy/net pruned 0.5", Store(work))[0].spec == run.spec
    assert [event.kind for event in read_events(first[run.spec.fingerprint].folder)[0]] == [
        "started",
        "epoch",
        "finished",
    ]


def test_what_goes_on_from_a_run_is_trained_again_where_that_run_is_another(
    decoded_digits: Path, tmp_path: Path
) -> None:
    """Its number of epochs is none of the settings of the run that goes on, which has the same fingerprint."""
    work = share_cache(decoded_digits, tmp_path)

    def results_of(run: Tuned) -> Any:
        return tuned_results([run], TRAINER, Store(work), lambda _: None, open_executor=lambda _: InlineExecutor())

    first = results_of(a_tuned(a_run(work, epochs=1)))
    later = a_tuned(a_run(work, epochs=2))
    second = results_of(later)

    assert first.keys() == second.keys()
    assert first[later.spec.fingerprint].folder != second[later.spec.fingerprint].folder
    assert results_of(later) == second


def test_a_run_that_cannot_go_on_says_why(member: Member, decoded_digits: Path, tmp_path: Path) -> None:
    """With the place of what it printed."""
    work = share_cache(decoded_digits, tmp_path)
    run = a_tuned(a_run(work), optimizer={"name": "sgd", "lr": 1e30})

    with pytest.raises(TrainerError, match=rf"fine-tuning of {run.name} failed: .*finite.*run\.log"):
        tuned_results([run], TRAINER, Store(work), lambda _: None, open_executor=lambda _: InlineExecutor())


# --- files ----------------------------------------------------------------------------------------


def test_the_rows_of_a_block_are_made_once(member: Member, work: Path) -> None:
    """The original's weights, the pruned run's, and its file, which says how an image becomes its input."""
    made: list[list[list[Step]]] = []
    told: list[str] = []
    for _ in range(2):
        rows = wanted_rows(a_block(PRUNED, "pt2"))
        made.append(make_steps([member], TRAINER, rows, Store(work), told.append, workers=1))

    (original,), (thin,), (file,) = made[0]
    assert made[0] == made[1]
    assert [one for one in told if one.startswith("Making")] == ["Making pruned.pt2 of s/net/0"]
    assert [row[0].name for row in made[0]] == ["original", "pruned", "pruned torch.export"]
    assert file.path == str(work / "deploy" / "s" / "net" / "0" / "pruned.pt2")
    assert read_metadata(file.path) == file.preprocessing == thin.preprocessing
    assert file.preprocessing is not None
    assert (file.preprocessing.study, file.preprocessing.variant, file.preprocessing.replicate) == ("s", "net", 0)
    assert original.parameters is not None
    assert thin.parameters is not None
    assert thin.parameters < original.parameters
    assert thin.multiply_adds == file.multiply_adds
    assert file.what_was_done == (
        "50 % of the channels of each layer taken out by L1 norm; trained on for 1 epoch at 0.001"
    )
    assert open_weights(thin.path, threads=1).image_shape == (1, 8, 8)


def test_a_file_is_made_again_where_it_is_not_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone, damaged, of something else, or made by another version; an IR with its weights."""
    told: list[str] = []
    folder = Folder(tmp_path / "files", told.append)

    def write(path: Path) -> None:
        path.write_text("network")
        path.with_suffix(".bin").write_text("weights")

    def make(origin: str) -> Path:
        return folder.make("a.xml", {"run": origin}, write)

    path = make("x")
    make("x")
    path.with_suffix(".bin").write_text("damaged")
    make("x")
    path.unlink()
    make("x")
    make("y")

    assert told == ["a.xml"] * 4
    monkeypatch.setattr(made_files, "_own_source", lambda: "of another version")
    make("y")
    assert told == ["a.xml"] * 5
    assert (path.read_text(), path.with_suffix(".bin").read_text()) == ("network", "weights")


# --- refused before anything is made --------------------------------------------------------------


def refused(member: Member, block: DeployBlock = DEFAULT, path: str = "") -> None:
    """As the command asks, before it begins."""
    trainer = load_trainer(path) if path else TRAINER
    refuse_impossible([member], trainer, block, Store(member.result.folder.parents[3]))


def test_weights_that_are_not_kept_are_told(member: Member) -> None:
    """Or gone, with what keeps them."""
    with pytest.raises(DataError, match=r"weights of s/net/0 are not kept.*keep: \{weights: best\}"):
        refused(member._replace(result=replace(member.result, files={})))
    with pytest.raises(DataError, match=r"weights of s/net/0 are gone"):
        refused(member._replace(result=replace(member.result, files={"weights": "elsewhere"})))


@pytest.mark.parametrize(
    ("changes", "told", "way"),
    [
        ({"data": {"clip": {"frames": 1}}}, "is a network of clips", 'ablate predict "s/net/0" CLIP'),
        ({"model": {"name": "fusion", "text": None}}, "without its texts", "train what its `model.image` says"),
        ({"model": {"name": "fusion", "text": {"name": "tfidf"}}}, "is a network of texts", '--text "TEXT"'),
    ],
)
def test_a_network_of_clips_or_texts_is_refused_whatever_the_steps(
    member: Member, work: Path, changes: dict[str, Any], told: str, way: str
) -> None:
    """First of all, and with a way that exists."""
    other = member._replace(spec=replace(member.spec, config={**member.spec.config, **changes}))
    for block in (DEFAULT, a_block("pt2")):
        with pytest.raises(TrainerError, match=told) as refused:
            refuse_impossible([other], TRAINER, block, Store(work))
        assert way in str(refused.value.hint)


def test_a_fit_part_too_small_to_calibrate_on_is_refused(decoded_digits: Path, tmp_path: Path) -> None:
    """Only where something is calibrated."""
    few = a_run(share_cache(decoded_digits, tmp_path), data={"train": 50})

    with pytest.raises(DataError, match=r"there are 30; at least 32 are needed"):
        refused(few)
    refused(few, a_block("onnx"))


def test_a_share_that_empties_a_layer_is_refused(member: Member) -> None:
    """By the layer's name."""
    with pytest.raises(TrainerError, match=r"would take all 4 channels of features\.conv1_1"):
        refused(member, a_block({"prune": {"channels": 0.9}}, "onnx"))


def test_packages_that_are_not_there_are_named(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the block needs, with what to install."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "ablate.workflows.deploy.from_study.find_spec",
        lambda name: None if name in ("nncf", "openvino", "torch_pruning") else real(name),
    )

    with pytest.raises(NotInstalled, match=r"needs openvino and torch_pruning and nncf, which are not.*\[deploy\]"):
        refused(member)
    refused(member, a_block({"int8": "after_training"}, "onnx"))


def test_a_trainer_of_ones_own_is_told_its_way(member: Member) -> None:
    """Its files can be judged all the same."""
    with pytest.raises(TrainerError, match=r"export\(spec, result, path\).*ablate deploy FILE FILE --on FOLDER"):
        refused(member, path="tests.small_trainer:train")


def test_runs_that_are_not_there_are_refused(work: Path) -> None:
    """As by every command that names runs."""
    with pytest.raises(StudyError, match=r"has no variant 'nett'.*Did you mean 'net'"):
        deploy_study("s/nett", work=work)
    with pytest.raises(StudyError, match=r"has no replicate '7'"):
        deploy_study("s/net/7", work=work)


def test_a_search_is_deployed_by_its_confirmation(decoded_digits: Path, tmp_path: Path) -> None:
    """A trial alone has seen no test image yet, and must not by this."""
    work = share_cache(decoded_digits, tmp_path)
    a_run(work, "s-search", "trial 3", protocol=replace(PROTOCOL, sealed=True))
    write_json(Store(work).study("s-search") / SEARCH, {"best": "trial 3"})

    with pytest.raises(StudyError, match=r"sealed until it is confirmed.*confirm: \{top: 1"):
        deploy_study("s-search/best", work=work)
    with pytest.raises(StudyError, match=r"sealed until it is confirmed"):
        study_tests("s-search/trial 3", work)

    a_run(work, "s-search-confirm", "trial 3")
    assert [one.name for one in members_of("s-search/best", Store(work))] == ["s-search-confirm/trial 3/0"]


# --- which block is meant -------------------------------------------------------------------------

STUDY = """study: s
base:
  data: {source: {name: digits}, classes: 10, image_size: 8, channels: 1}
  model: {name: vgg, blocks: [1, 1], width: 4, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-2}
  epochs: 1
chain: {wide: {model.width: 8}}
"""


def test_the_block_is_that_of_the_file_named_or_of_the_file_that_was_run(tmp_path: Path) -> None:
    """The usual one where there is none, which is said."""
    file, plain = tmp_path / "s.yaml", tmp_path / "plain.yaml"
    file.write_text(STUDY + "deploy: {steps: [onnx], tolerable: 0.5}\n")
    plain.write_text(STUDY)
    write_names(Store(tmp_path).study("s"), "s", str(file), {})
    told: list[str] = []

    def block(text: str) -> DeployBlock:
        return asked.block_of(asked.study_of(text, tmp_path), told.append)

    assert block(f"{file}/wide").tolerable == 0.5
    assert block("s/wide/0").forms == block("s-search-confirm/trial 3").forms == ("onnx",)
    assert told == []
    assert block(f"{plain}/wide") == block("unknown/wide") == DEFAULT
    assert [("no `deploy:` block" in one, "not to be found" in one) for one in told] == [(True, False), (False, True)]
    file.write_text("study: [")
    assert block("s/wide") == DEFAULT
    with pytest.raises(AblateError):
        block(f"{file}/wide")


def test_specs_survive_their_names(member: Member) -> None:
    """What a derived run is known by does not depend on who asks."""
    one, two = (a_tuned(member).spec for _ in range(2))

    assert RunSpec.from_json(one.to_json()).fingerprint == two.fingerprint
