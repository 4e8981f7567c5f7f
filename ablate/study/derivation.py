"""Rows made without training: networks of finished runs, asked several times or several together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ablate.errors import SettingError, StudyError, near_match
from ablate.records import Variant
from ablate.splits.rules import Folds, TestRule
from ablate.study.derived_schema import DeriveBlock

if TYPE_CHECKING:
    from ablate.study.study import Study


METRIC = "accuracy"
"""What derived rows are measured by: whether the likeliest class is the right one, image by image."""


class Member(NamedTuple):
    """One network of a derived row, as the run that trained it."""

    variant: str
    replicate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """A row made without training. tta: None where every network answers once, to the image as it is."""

    name: str
    sources: tuple[str, ...]
    tta: Mapping[str, Any] | None
    members: int
    how: Literal["mean", "vote"]

    @property
    def networks(self) -> int:
        """How many networks give one answer."""
        return self.members * len(self.sources)

    def groups(self, replicates: int) -> list[tuple[Member, ...]]:
        """The networks that answer together, of so many replicates; no network is in two groups.

        With one member a variant, a group is a replicate. With more, groups take the replicates in
        turn, and what is left over is in none: groups that shared networks would not be independent.
        """
        starts = range(0, replicates - self.members + 1, self.members)
        return [
            tuple(Member(source, start + i) for source in self.sources for i in range(self.members)) for start in starts
        ]


def make_derivations(
    study: Study, variants: Sequence[Variant], tests: Mapping[str, Mapping[str, Any]]
) -> tuple[Derivation, ...]:
    """The study's derived rows, checked. tests: variant -> what of its config defines its test images.

    Raises StudyError with file, line and key for names that do not fit and for networks that would
    answer for images they may have been trained on.
    """
    by_name = {variant.name: variant for variant in variants}
    return tuple(_make(study, name, block, by_name, tests) for name, block in study.derive.items())


def _make(
    study: Study,
    name: str,
    block: DeriveBlock,
    variants: Mapping[str, Variant],
    tests: Mapping[str, Mapping[str, Any]],
) -> Derivation:
    where = study.document.where(("derive", name))
    if name in variants:
        raise StudyError(f"{where}: {name!r} is the name of a variant", hint="Choose another name for the row.")
    for source in block.from_:
        if source not in variants:
            raise StudyError(
                f"{study.document.where(('derive', name, 'from'))}: there is no variant {source!r} to derive from",
                hint=f"{near_match(source, variants)}Variants: {', '.join(variants)}.",
            )
    if study.evidence.metric != METRIC:
        raise StudyError(
            f"{where}: derived rows are measured by {METRIC}, and the study by {study.evidence.metric}",
            hint="Leave derive out, or set evidence.metric: accuracy.",
        )
    members = block.ensemble.members if block.ensemble else 1
    _refuse_leak(study.protocol.test, members, block.from_, tests, where)
    if members > study.evidence.replicates[-1]:
        raise StudyError(
            f"{where}: an ensemble of {members} replicates, and the study plans {study.evidence.replicates[-1]}",
            hint="Lower ensemble.members, or plan more replicates.",
        )
    _check_views(study, block, variants, where)
    return Derivation(
        name=name,
        sources=tuple(block.from_),
        tta=block.tta.model_dump(mode="json") if block.tta else None,
        members=members,
        how=block.ensemble.how if block.ensemble else "mean",
    )


def _refuse_leak(
    test: TestRule, members: int, sources: Sequence[str], tests: Mapping[str, Mapping[str, Any]], where: str
) -> None:
    """A network may answer only for what its own run was tested on: images it was neither fitted nor chosen on."""
    if members > 1 and isinstance(test, Folds):
        raise StudyError(
            f"{where}: with evidence.test: {{folds: {test.count}}} the test images of one replicate are training "
            "images of the others, so networks of several replicates may not answer for them together",
            hint="Use evidence.test: {share: 0.2}, or join variants of one replicate: from: [A, B].",
        )
    other = next((source for source in sources[1:] if tests[source] != tests[sources[0]]), None)
    if other is not None:
        raise StudyError(
            f"{where}: {sources[0]!r} and {other!r} are tested on different images, so their networks have none "
            "that both may answer for",
            hint="Join variants that share data.source and data.seed.",
        )


def _check_views(study: Study, block: DeriveBlock, variants: Mapping[str, Variant], where: str) -> None:
    if block.tta is None:
        return
    if study.trainer.augmented_test is None:
        raise StudyError(
            f"{where}.tta: the trainer {study.trainer.shown} cannot test with several views",
            hint="Give its module a function `augmented_test`, or leave tta out.",
        )
    if study.trainer.check_views is None:
        return
    for source in block.from_:
        config = study.trainer.config.model_validate(variants[source].config)
        try:
            study.trainer.check_views(config, block.tta.model_dump(mode="json"))
        except SettingError as error:
            at = f"{where}: {error.message} (variant {source!r})"
            raise StudyError(at, hint=error.hint) from None
