"""What a plan finds already done: finished, stale, failed or still to run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any

from ablate.records import Cell, Failed, Finished, RunResult, RunSpec
from ablate.store.data_identity import DataIdentity
from ablate.store.work_folder import TRIED_AGAIN, TRIES, Store
from ablate.study.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentProvenance:
    """The code, the data and the weights runs would be made with now. A digest that is missing is not known yet."""

    source_digest: str
    former_sources: Callable[[], tuple[str, ...]] = tuple
    """Other digests that runs may carry of the same code; asked only for a run whose digest is another."""
    data_digests: Mapping[str, str] = field(default_factory=dict)
    """Variant -> digest of its images and labels."""
    former_digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variant -> other digests that runs may carry of the same data."""
    weights_digests: Mapping[str, str] = field(default_factory=dict)
    """Variant -> digest of the weights it begins with; "" where it draws its own, or they are not there yet."""
    places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Variant -> dotted key -> where its data lie."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variant -> the names of its classes, in the order of their numbers, as far as they are known."""
    groups: Callable[[str, Finished], Mapping[str, str]] | None = field(default=None, compare=False, repr=False)
    """Variant and one of its runs -> image id -> its group, by the data: see Cell."""

    def is_elsewhere(self, variant: str, finished: Finished) -> bool:
        """Whether a finished run is another data set's: see DataSource."""
        return not self.data_of(variant).is_of(finished)

    def data_of(self, variant: str) -> DataIdentity:
        """A variant's data, as far as they are known."""
        return DataIdentity(
            places=self.places.get(variant, {}),
            digest=self.data_digests.get(variant),
            former=self.former_digests.get(variant, ()),
        )

    def differences(self, variant: str, finished: Finished) -> list[str]:
        """In what a finished run differs: `the trainer's code`, `the data`, `the weights it begins with`."""
        found = []
        if not self.is_source(finished.stamp.source_digest):
            found.append("the trainer's code")
        data = self.data_of(variant)
        if data.digest is not None and not data.has(finished.stamp.data_digest):
            found.append("the data")
        weights = self.weights_digests.get(variant)
        if weights and finished.stamp.weights_digest != weights:
            found.append("the weights it begins with")
        return found

    def failed_here(self, variant: str, failed: Failed) -> bool:
        """Whether a failure is that of the present code and data, as far as it remembers them."""
        data = self.data_of(variant)
        same_data = not failed.data_digest or data.digest is None or data.has(failed.data_digest)
        return self.is_source(failed.source_digest) and same_data

    def is_source(self, digest: str) -> bool:
        """Whether a digest is of the present code, by whichever rule it was made."""
        return digest == self.source_digest or digest in self.former_sources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A finished run that was made by other code or on other data."""

    variant: str
    spec: RunSpec
    result: Finished
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInventory:
    """Every run of a plan in one of five states."""

    cached: tuple[tuple[str, RunSpec, Finished], ...]
    stale: tuple[Stale, ...]
    failed: tuple[tuple[str, RunSpec, Failed], ...]
    """Not tried again unasked: see `given_up`."""
    to_run: tuple[tuple[str, RunSpec], ...]
    spared: tuple[tuple[str, RunSpec], ...] = ()
    """Not made and not needed: all comparisons of the variant were settled at an earlier look."""
    elsewhere: int = 0
    """Of those to run: how many have finished by the same settings on data that lie elsewhere."""


def plan_status(  # noqa: PLR0913 - what narrows the plan, each by its name
    plan: Plan,
    store: Store,
    origin: CurrentProvenance,
    *,
    look: int = 1,
    only: Sequence[str] = (),
    replicates: Sequence[int] = (),
    wanted: Sequence[Collection[str]] = (),
) -> RunInventory:
    """Look up every run of the plan up to a planned look.

    only, replicates: narrow it to some variants and replicates. wanted: for each look in turn, the variants it has to
    train; the runs of others are spared. Looks beyond its end train all.
    """
    cached, stale, failed, to_run, spared = [], [], [], [], []
    elsewhere = 0
    begun = store.begun()
    for variant, spec in plan.runs(look):
        if (only and variant.name not in only) or (replicates and spec.replicate.index not in replicates):
            continue
        number = bisect_right(plan.looks, spec.replicate.index)
        is_wanted = number >= len(wanted) or variant.name in wanted[number]
        results = store.results(spec.fingerprint) if spec.fingerprint in begun else []
        match best_result(results, origin, variant.name):
            case Finished() as finished:
                differences = origin.differences(variant.name, finished)
                if not differences:
                    cached.append((variant.name, spec, finished))
                elif is_wanted:
                    stale.append(
                        Stale(variant=variant.name, spec=spec, result=finished, differences=tuple(differences))
                    )
                else:
                    cached.append((variant.name, spec, finished))
            case _ if not is_wanted:
                spared.append((variant.name, spec))
            case Failed() as failure if given_up(results, origin, variant.name):
                failed.append((variant.name, spec, failure))
            case _:
                to_run.append((variant.name, spec))
                elsewhere += any(isinstance(one, Finished) for one in results)
    return RunInventory(
        cached=tuple(cached),
        stale=tuple(stale),
        failed=tuple(failed),
        to_run=tuple(to_run),
        spared=tuple(spared),
        elsewhere=elsewhere,
    )


def best_result(results: Sequence[RunResult], origin: CurrentProvenance | None, variant: str) -> RunResult | None:
    """The attempt that counts.

    The newest that finished by the present code and data; else the newest attempt where the present
    code failed at it; else the newest that finished; else the newest. Runs of another data set do not count.
    """
    if origin is not None:
        results = [one for one in results if not (isinstance(one, Finished) and origin.is_elsewhere(variant, one))]
    if not results:
        return None
    finished = [result for result in reversed(results) if isinstance(result, Finished)]
    if origin is not None:
        for result in finished:
            if not origin.differences(variant, result):
                return result
        if given_up(results, origin, variant):
            return results[-1]
    if finished:
        return finished[0]
    return results[-1]


def given_up(results: Sequence[RunResult], origin: CurrentProvenance, variant: str) -> bool:
    """Whether the present code and data have failed at a run in a way that another try would not fix.

    Errors and divergence would come again; a process that was killed, ran out of memory or of time has
    had its TRIES.
    """
    present = takewhile(lambda r: isinstance(r, Failed) and origin.failed_here(variant, r), reversed(results))
    reasons = [result.reason for result in present if isinstance(result, Failed)]
    if reasons[:1] in (["error"], ["diverged"]):
        return True
    return len(list(takewhile(lambda reason: reason in TRIED_AGAIN, reasons))) >= TRIES


def collect(plan: Plan, store: Store, origin: CurrentProvenance | None, *, look: int = 1) -> list[Cell]:
    """The result of every run of the plan up to a planned look; None where there is none yet."""
    cells = []
    for variant, spec in plan.runs(look):
        result = best_result(store.results(spec.fingerprint), origin, variant.name)
        if isinstance(result, Finished) and plan.closed is not None and spec.fingerprint in plan.closed.left_out:
            result = None  # made after the study was closed, by whomever
        groups = None
        if origin is not None and origin.groups is not None and isinstance(result, Finished):
            groups = partial(origin.groups, variant.name, result)
        classes = origin.classes.get(variant.name, ()) if origin is not None else ()
        cells.append(
            Cell(variant=variant.name, replicate=spec.replicate, result=result, groups=groups, classes=classes)
        )
    return cells
