"""Runs that begin with the weights of other runs: which must be there first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ablate.errors import StudyError
from ablate.records import RunSpec
from ablate.store.run_names import fingerprint_of
from ablate.store.work_folder import Store
from ablate.trainer import Trainer


def donors_of(trainer: Trainer, config: Mapping[str, Any]) -> list[str]:
    """The variants, `STUDY/VARIANT`, whose runs a configuration begins with."""
    if trainer.donors is None:
        return []
    return list(trainer.donors(trainer.config.model_validate(config)))


def has_finished(run: str, store: Store) -> bool:
    """Whether a run, `STUDY/VARIANT/REPLICATE`, is there to begin with."""
    try:
        return bool(store.finished(fingerprint_of(run, store)))
    except StudyError:
        return False


def order_by_donors(
    to_run: Sequence[tuple[str, RunSpec]], trainer: Trainer, store: Store
) -> tuple[list[tuple[str, RunSpec]], dict[str, tuple[str, ...]]]:
    """The runs, replicate by replicate, donors before those that begin with them; fingerprint -> those it waits for.

    Raises StudyError where a donor has neither finished nor is about to run, and where runs wait for each other.
    """
    waiting = {spec.fingerprint: (variant, spec) for variant, spec in to_run}
    needs: dict[str, tuple[str, ...]] = {}
    for variant, spec in to_run:
        names = [f"{donor}/{spec.replicate.index}" for donor in donors_of(trainer, spec.config)]
        found = {name: fingerprint_of(name, store) for name in names}
        for name, fingerprint in found.items():
            if fingerprint not in waiting and not store.finished(fingerprint):
                raise StudyError(
                    f"{variant}: it starts from the weights of {name}, which has not finished",
                    hint=f"Run the study {name.split('/')[0]!r} first, with as many replicates.",
                )
        if needed := tuple(one for one in found.values() if one in waiting):
            needs[spec.fingerprint] = needed
    ordered: dict[str, tuple[str, RunSpec]] = {}
    while len(ordered) < len(waiting):
        ready = [one for one in waiting if one not in ordered and all(need in ordered for need in needs.get(one, ()))]
        if not ready:
            variant = next(waiting[one][0] for one in waiting if one not in ordered)
            raise StudyError(
                f"{variant}: its weights come from runs that start from it",
                hint="Give one of them random initial weights.",
            )
        ordered |= {one: waiting[one] for one in ready}
    by_replicate = sorted(ordered.values(), key=lambda run: run[1].replicate.index)  # a look needs whole replicates
    return (by_replicate if needs else list(to_run)), needs
