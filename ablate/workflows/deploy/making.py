"""From finished replicates to the rows' files: what is missing is trained, then exported, converted and quantised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ablate.deploy.opening import KINDS
from ablate.deploy.quantization import must_reduce_range, quantize_onnx, quantize_openvino, to_openvino
from ablate.deploy.records import OPEN, Preprocessing, Step
from ablate.inspection import Description
from ablate.records import Finished, RunSpec
from ablate.store.work_folder import Store
from ablate.trainer import Trainer, source_digest
from ablate.workflows.deploy.fine_tuning import WEIGHTS, Tell, Tuned, tuned_results
from ablate.workflows.deploy.made_files import Folder
from ablate.workflows.deploy.rows import Network, Wanted, trained_networks
from ablate.workflows.deploy.study_tests import preprocessing_of_run
from ablate.workflows.reopened_run import reopened

EAGER = "ablate.training.compress.eager:open_weights"
"""What opens a run's own weights; a path, since its module needs torch."""
FOLDER = "deploy"
"""Of the files, in the work folder: STUDY/VARIANT/REPLICATE below it."""


class Member(NamedTuple):
    """One replicate: a finished run under its name."""

    name: str
    spec: RunSpec
    result: Finished


class Made(NamedTuple):
    """A member's network: its finished run, and what it costs an image."""

    member: Member
    cost: Description


def tuned_run(member: Member, network: Network) -> Tuned:
    """The run that trains a network on from a member, under the name that it is tracked and found by."""
    from ablate.training.compress.fine_tuning import fine_tuned

    assert network.tuning is not None
    study, variant, replicate = member.name.split("/")
    spec = fine_tuned(
        member.spec,
        f"{study}/{variant}",
        epochs=network.tuning.epochs,
        lr=network.tuning.lr,
        channels=network.channels,
        aware_bits=(7 if must_reduce_range() else 8) if network.aware else 0,
    )
    name = f"{study}-{FOLDER}/{variant} {network.variant}/{replicate}"
    return Tuned(name=name, spec=spec, origin_spec=member.spec, origin=member.result)


def make_steps(
    members: Sequence[Member],
    trainer: Trainer,
    rows: Sequence[Wanted],
    store: Store,
    tell: Tell,
    *,
    workers: int | None = None,
) -> list[list[Step]]:
    """[row][replicate]: what is missing is trained, then made."""
    networks = trained_networks(list(rows))
    tuned = {network: [tuned_run(member, network) for member in members] for network in networks}
    if tuned:
        _refuse_unexportable(members[0], rows)
        results = tuned_results([run for runs in tuned.values() for run in runs], trainer, store, tell, workers=workers)
    assert trainer.describe is not None
    made: dict[Network, list[Made]] = {}
    for network in dict.fromkeys(row.network for row in rows):
        found = list(members)
        if network in tuned:
            found = [Member(run.name, run.spec, results[run.spec.fingerprint]) for run in tuned[network]]
        cost = trainer.describe(trainer.config.model_validate(found[0].spec.config))
        made[network] = [Made(member, cost) for member in found]
    return [
        [_step(row, made[row.network][r], member, trainer, store, tell) for r, member in enumerate(members)]
        for row in rows
    ]


def _refuse_unexportable(member: Member, rows: Sequence[Wanted]) -> None:
    """Raise TrainerError where the exporter does not know an operator: before anything is trained for it."""
    from ablate.training.compress.export import refuse_unexportable
    from ablate.training.stored import open_network

    if any(row.form in ("onnx", "openvino") for row in rows):
        stored = open_network(member.spec, member.result)
        refuse_unexportable(stored.network, stored.config)


def _step(row: Wanted, made: Made, origin: Member, trainer: Trainer, store: Store, tell: Tell) -> Step:
    member, cost = made
    step = Step(
        name=row.name,
        path=str(member.result.folder / member.result.files[WEIGHTS]),
        engine="torch",
        precision="int8" if row.int8 else "fp32",
        network=row.network.label,
        parameters=cost.parameters,
        multiply_adds=None if cost.flops is None else cost.flops // 2,
        what_was_done=_what_was_done(row),
        parent=row.parent,
        opener=EAGER,
        preprocessing=replace(
            preprocessing_of_run(origin.name, origin.spec, origin.result), fingerprint=member.spec.fingerprint
        ),
    )
    if row.form is None:
        return step
    study, variant, replicate = origin.name.split("/")
    folder = Folder(
        store.work / FOLDER / study / variant / replicate, lambda name: tell(f"Making {name} of {origin.name}")
    )
    path = _file(row, member, step, folder, trainer, store)
    return replace(step, path=str(path), opener=OPEN, engine="openvino" if row.form == "openvino" else step.engine)


def _file(row: Wanted, member: Member, step: Step, folder: Folder, trainer: Trainer, store: Store) -> Path:
    """A row's file, with those that it is made from."""
    stored = member.result.files[WEIGHTS]
    origin: dict[str, Any] = {
        "run": member.spec.fingerprint,
        "weights": member.result.digests.get(stored, ""),
        "code": source_digest(trainer.path),
    }
    stem = row.network.stem
    assert trainer.export is not None
    assert step.preprocessing is not None
    export, how = trainer.export, step.preprocessing
    if row.form == "pt2":
        return folder.make(f"{stem}.pt2", origin, lambda path: _export(export, member, path, how))
    onnx = folder.make(f"{stem}.onnx", origin, lambda path: _export(export, member, path, how))
    if row.form == "openvino":
        whole = folder.make(f"{stem}.xml", origin, lambda path: to_openvino(onnx, path))
        quantize: Callable[..., None] = quantize_openvino
    else:
        whole, quantize = onnx, quantize_onnx
    if not row.int8:
        return whole
    reduced = must_reduce_range()
    origin |= {"reduce_range": reduced}
    return folder.make(
        row.file, origin, lambda path: quantize(whole, calibration(member, store), path, reduce_range=reduced)
    )


def calibration(member: Member, store: Store) -> Iterator[Any]:
    """Batches of images it was fitted on. Raises DataError at once where they are too few, or not there any more."""
    from ablate.training.compress.calibration import calibration_batches

    with reopened(member.spec, store) as run:
        return calibration_batches(member.spec, member.result, run)


def _export(export: Callable[..., None], member: Member, path: Path, how: Preprocessing) -> None:
    """Whoever finds the file finds it with its metadata."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        export(member.spec, member.result, unfinished)
        import_module(KINDS[path.suffix].module).write_metadata(unfinished, how)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _what_was_done(row: Wanted) -> str:
    network = row.network
    done = []
    if network.channels is not None and network.tuning is not None:
        done.append(f"{100 * network.channels:g} % of the channels of each layer taken out by L1 norm")
    if network.tuning is not None:
        aware = " aware of INT8" if network.aware else ""
        plural = "s" * (network.tuning.epochs != 1)
        done.append(f"trained on for {network.tuning.epochs} epoch{plural} at {network.tuning.lr:g}{aware}")
    if row.int8:
        done.append("INT8 calibrated on images it was fitted on")
    return "; ".join(done)
