"""How many runs at once, and by what: the executor of a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError
from ablate.execute.card_memory import MOST, MeasuredFit, card_totals
from ablate.execute.devices import Device, DeviceSlots, SharedHomes, apple_gpu, bundles, devices
from ablate.execute.environment import cores, machine
from ablate.execute.inline import InlineExecutor
from ablate.execute.lazy import LazyExecutor
from ablate.execute.pool import CAN_FORK, ForkPool, SpawnPool, open_pool
from ablate.execute.ray_cluster import RayExecutor, cluster, nodes
from ablate.execute.resources import Need, need_of, refuse_unschedulable
from ablate.records import Variant

if TYPE_CHECKING:
    from ablate.workflows.options import Options
    from ablate.workflows.session import Session


PROCESSOR = "processor"
"""The kind of device of a machine without graphics cards."""


@contextmanager
def connected(session: Session, options: Options, *, needed: bool = True) -> Iterator[None]:
    """Have the cluster that is to carry the runs, for as long as the block lasts; nothing for other executors.

    needed: False where there is nothing to train.

    Raises StudyError where it cannot be reached, or can never carry a run of the study: before anything is written.
    """
    if options.executor != "ray":
        if options.ray_address is not None:
            raise StudyError("--ray-address names a Ray cluster, and runs go elsewhere", hint="Add --executor ray.")
        yield
    elif not needed:
        yield
    else:
        with _cluster(session, options):
            refuse_unschedulable(nodes(), _need(session, options))
            yield


@contextmanager
def lazy_executor(session: Session, options: Options) -> Iterator[LazyExecutor]:
    """The executor the options ask for, closed with the block.

    Raises TrainerError where the trainer could not be run.
    """
    session.study.trainer.refuse_missing(f"{session.study.document.where(('trainer',))}: ")
    with ExitStack() as stack:
        if options.executor == "inline":
            lazy = LazyExecutor(1, InlineExecutor)
        elif options.executor == "ray":
            lazy = LazyExecutor(options.workers or 1, lambda: _open_ray(session, options, stack))
        else:
            cards = _cards(session, options)
            slots = options.workers or workers_here(session, options)
            slots = min(slots, len(cards)) if len(cards) else slots
            warm = [session.study.trainer.warm]
            pool = partial(_open_pool, session, slots=slots, work=session.work, warm=warm, cards=cards)
            lazy = LazyExecutor(slots, pool, (lambda first: pool(first=first)) if CAN_FORK else None)
        try:
            yield lazy
        finally:
            lazy.close()


def _open_pool(session: Session, **how: Any) -> ForkPool | SpawnPool:
    """Raises StudyError where no run of the study could have the cards it takes."""
    taken = session.study.trainer.resources
    if taken is not None and taken.gpus > 1 and not bundles(devices(), taken.gpus):
        where = session.study.document.where(("trainer", "resources", "gpus"))
        raise StudyError(
            f"{where}: a run takes {taken.gpus} graphics cards of one kind, and this machine has {len(devices())}",
            hint="Lower gpus, or run it where there are so many: --executor ray, `ablate join`.",
        )
    return open_pool(**how)


def _open_ray(session: Session, options: Options, stack: ExitStack) -> RayExecutor:
    stack.enter_context(_cluster(session, options))
    several = len({node.kind for node in nodes() if node.cards}) > 1
    made_on = _made_on(session) if several else {}
    return RayExecutor(work=session.work, need=_need(session, options), most=options.workers, made_on=made_on)


@contextmanager
def _cluster(session: Session, options: Options) -> Iterator[None]:
    """A cluster that begins here is as large as the runs that were asked for, as the pool would be."""
    threads = _processors_of(session)
    wanted = max(cores(), threads * options.workers) if options.workers else None
    with cluster(options.ray_address, session.work, processors=wanted):
        yield


def _need(session: Session, options: Options) -> Need:
    asked = [str(variant.config.get("device", "auto")) for variant in session.plan.variants]
    threads, taken = _processors_of(session), session.study.trainer.resources
    if taken is not None and taken.gpus != 1:
        return Need(threads, float(taken.gpus))
    if options.slots_per_gpu is None:
        raise StudyError(
            "--slots-per-gpu auto: Ray shares a card out before anything is measured",
            hint="Give a number, such as --slots-per-gpu 2.",
        )
    return need_of(threads, asked, slots_per_gpu=options.slots_per_gpu, nodes=nodes())


def may_train(session: Session, options: Options) -> bool:
    """Whether a study may have anything to train; it is known only of one whose data were looked at."""
    if not session.is_tuned or len(session.prepared) < len(session.plan.variants):
        return True
    found = session.survey(options)
    return bool(found.to_run or found.stale or found.failed)


def _cards(session: Session, options: Options) -> DeviceSlots:
    found = cards_here(session, options)
    each = _each(options, found)
    several = len({device.kind for device in found}) > 1
    if not options.joined:
        return DeviceSlots(found, each, _made_on(session) if several else {})
    shared = SharedHomes(session.store.study(session.study.name) / "devices")
    for replicate, device in _made_on(session).items():
        shared.claim(replicate, PROCESSOR if device.startswith("cpu") or device == machine().processor else device)
    if found:
        return DeviceSlots(found, each, shared=shared)
    return DeviceSlots([Device("", PROCESSOR)], options.workers or workers_here(session, options), shared=shared)


def _each(options: Options, found: Sequence[Device]) -> int | MeasuredFit:
    if options.slots_per_gpu is None:
        return MeasuredFit(card_totals() if found else {}, _most(found))
    if options.slots_per_gpu < 1:
        raise StudyError(f"--slots-per-gpu {options.slots_per_gpu}: at least one run has to fit on a card")
    return options.slots_per_gpu


def _most(found: Sequence[Device]) -> int:
    """Runs that may share a card at most: each wants a processor of its own."""
    if found == apple_gpu():
        return 1
    return max(1, min(MOST, cores() // max(1, len(found))))


def cards_here(session: Session, options: Options) -> tuple[Device, ...]:
    """What a run can be given on this machine: a card each, or as many together as its trainer asks for."""
    found, taken = _cards_of(session.plan.variants), session.study.trainer.resources
    each = 1 if taken is None else taken.gpus
    if each < 2:
        return found if each else ()
    if options.slots_per_gpu is None or options.slots_per_gpu > 1:
        raise StudyError(
            f"--slots-per-gpu {options.slots_per_gpu or 'auto'}: a run of this study takes {each} whole cards",
            hint="Leave it out, or lower trainer.resources.gpus.",
        )
    return bundles(found, each)


def workers_here(session: Session, options: Options) -> int:
    """How many runs this machine carries at once."""
    taken = session.study.trainer.resources
    if taken is None:
        return default_workers(session.plan.variants, slots_per_gpu=options.slots_per_gpu)
    cards = cards_here(session, options)
    each = options.slots_per_gpu or _most(cards)
    return len(cards) * each if cards else max(1, cores() // taken.cpus)


def _processors_of(session: Session) -> int:
    taken = session.study.trainer.resources
    return _threads_of(session.plan.variants) if taken is None else taken.cpus


def _made_on(session: Session) -> dict[int, str]:
    """Replicate -> the device its finished runs were made on."""
    homes: dict[int, str] = {}
    for _, spec in session.plan.runs(len(session.plan.looks)):
        for result in session.store.finished(spec.fingerprint)[:1]:
            homes.setdefault(spec.replicate.index, result.stamp.device)
    return homes


def _cards_of(variants: Sequence[Variant]) -> tuple[Device, ...]:
    """This machine's cards; Apple's GPU, which is everybody's, where a run is to use it."""
    asked = {variant.config.get("device") for variant in variants}
    return devices() or (apple_gpu() if asked & {"auto", "mps"} else ())


def default_workers(variants: Sequence[Variant], *, slots_per_gpu: int | None = 1) -> int:
    """As many as there are slots on cards, else as many as the cores carry with the study's threads each."""
    found = _cards_of(variants)
    if found:
        return len(found) * (slots_per_gpu or _most(found))
    return max(1, cores() // _threads_of(variants))


def _threads_of(variants: Sequence[Variant]) -> int:
    return threads_of(variants) or 1


def threads_of(variants: Sequence[Variant]) -> int | None:
    """Of the variant that takes the most; None where the trainer's settings have no numerics.threads."""
    return max(filter(None, (_threads(variant.config) for variant in variants)), default=None)


def _threads(config: Mapping[str, Any]) -> int | None:
    numerics = config.get("numerics")
    threads = numerics.get("threads") if isinstance(numerics, Mapping) else None
    return threads if isinstance(threads, int) else None
