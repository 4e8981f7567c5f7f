"""`ablate deploy STUDY/VARIANT`: finished replicates pruned, quantised and exported, then measured and judged."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ablate import files
from ablate.deploy.packages import EXTRA
from ablate.deploy.records import DeployResult, MeasureOptions
from ablate.errors import DataError, NotInstalled, TrainerError
from ablate.records import RunSpec
from ablate.store.run_names import BEST, find_members, find_run, full_name, read_best, read_names
from ablate.store.work_folder import Store, state_of_file
from ablate.study.deploy_schema import DEFAULT, DeployBlock
from ablate.trainer import Trainer, is_built_in, load_trainer
from ablate.workflows.deploy.fine_tuning import WEIGHTS, Tell
from ablate.workflows.deploy.making import FOLDER, Member, calibration, make_steps, tuned_run
from ablate.workflows.deploy.measure import measure_and_judge
from ablate.workflows.deploy.rows import trained_networks, wanted_rows
from ablate.workflows.deploy.study_tests import refuse_sealed, test_set_of_runs

NEEDS = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
    "pt2": (),
    "prune": ("torch_pruning",),
}


def deploy_study(
    name: str,
    block: DeployBlock | None = None,
    options: MeasureOptions | None = None,
    *,
    work: Path | str = ".",
    tell: Tell = lambda _: None,
    workers: int | None = None,
) -> DeployResult:
    """The rows of a `deploy:` block (None: the usual) for STUDY/VARIANT, STUDY/VARIANT/REPLICATE or STUDY-search/best.

    Files lie in `deploy/` of the work folder, and are made once. Raises StudyError, DataError, TrainerError and
    NotInstalled for what cannot be had, before anything is made.
    """
    store = Store(Path(work).resolve())
    block = block or DEFAULT
    members = members_of(name, store)
    trainer = load_trainer(members[0].spec.trainer)
    rows = wanted_rows(block)
    refuse_impossible(members, trainer, block, store)
    test_set = test_set_of_runs([(one.name, one.spec, one.result) for one in members], store, name)
    study = members[0].name.split("/")[0]
    with files.locked(store.study(f"{study}-{FOLDER}") / "lock"):
        steps = make_steps(members, trainer, rows, store, tell, workers=workers)
        # Under the lock: another block of the variant would put its files in the place of these.
        return measure_and_judge(steps, test_set, options, on_progress=tell)


def members_of(name: str, store: Store) -> list[Member]:
    """The finished replicates of a variant, or the one that is named. A search's best is taken from its confirmation.

    Raises StudyError where there is none, and for a search that was not confirmed: its test part is still sealed.
    """
    if name.count("/") > 1:
        members = [Member(full_name(name, store), *find_run(name, store))]
    else:
        found = find_members(_confirmed(name, store), store)
        members = [Member(_with_replicate(name, spec), spec, result) for name, spec, result in found]
    refuse_sealed(name, [member.spec for member in members])
    return members


def _with_replicate(name: str, spec: RunSpec) -> str:
    """STUDY/VARIANT/REPLICATE also where a variant has one run, which then goes by the variant's name."""
    return name if name.count("/") > 1 else f"{name}/{spec.replicate.index}"


def _confirmed(name: str, store: Store) -> str:
    """The name of the runs that confirmed a search's trial; the name itself where there are none."""
    study, _, variant = name.partition("/")
    if variant == BEST:
        variant = read_best(store.study(study)) or BEST
    confirmation = f"{study}-confirm"
    return f"{confirmation}/{variant}" if variant in (read_names(store.study(confirmation)) or {}) else name


def refuse_impossible(members: Sequence[Member], trainer: Trainer, block: DeployBlock, store: Store) -> None:
    """Raise what stands in the way, before anything is made."""
    if not is_built_in(trainer.path):
        raise TrainerError(
            f"the runs are of {trainer.shown}, and only the built-in trainer's networks are pruned and measured by "
            "their study",
            hint="Write files by its `export(spec, result, path)`, and judge them: `ablate deploy FILE FILE --on "
            "FOLDER`; docs/own_trainer.md.",
        )
    _refuse_other_inputs(members[0])
    _refuse_uninstalled(block)
    for member in members:
        stored = member.result.files.get(WEIGHTS)
        state = "not kept" if stored is None else state_of_file(member.result, stored)
        if state != "whole":
            raise DataError(
                f"the weights of {member.name} are {state}",
                hint="`keep: {weights: best}` keeps them (the default); "
                f"remove {member.result.folder}, then `ablate run` trains it again.",
            )
        if block.int8 is not None:
            calibration(member, store)
    assert trainer.describe is not None
    for network in trained_networks(wanted_rows(block)):
        trainer.describe(trainer.config.model_validate(tuned_run(members[0], network).spec.config))


def _refuse_other_inputs(member: Member) -> None:
    """Raise TrainerError for a network of clips or texts: no file of it is made, whatever the steps."""
    config = member.spec.config
    if config.get("data", {}).get("clip"):
        raise TrainerError(
            f"{member.name} is a network of clips, and `ablate deploy` is for networks of images",
            hint=f'Clips are answered by `ablate predict "{member.name}" CLIP`.',
        )
    model = config.get("model", {})
    if model.get("name") != "fusion":
        return
    if not model.get("text"):
        raise TrainerError(
            f"{member.name} is a `fusion` network without its texts, and `ablate deploy` is for networks that are "
            "made for images alone",
            hint=f'It answers by `ablate predict "{member.name}" IMAGE`. To deploy one, train what its '
            "`model.image` says as the `model`.",
        )
    raise TrainerError(
        f"{member.name} is a network of texts, and `ablate deploy` is for networks of images alone",
        hint=f'It answers by `ablate predict "{member.name}" IMAGE --text "TEXT"`.',
    )


def _refuse_uninstalled(block: DeployBlock) -> None:
    needed = [package for form in block.forms for package in NEEDS[form]]
    needed += NEEDS["prune"] if block.prune is not None else ()
    needed += ["onnxruntime"] if block.int8 and "onnx" in block.forms else []
    needed += ["nncf"] if block.int8 and "openvino" in block.forms else []
    missing = [package for package in dict.fromkeys(needed) if find_spec(package) is None]
    if missing:
        raise NotInstalled(
            f"this needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            hint=f"Install what deploying needs: `{EXTRA}`.",
        )
