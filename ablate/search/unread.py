"""Whether the sealed test part of a search is known to be unread, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ablate.records import RunSpec
from ablate.search.question import SearchQuestion
from ablate.search.trials import TrialRecord
from ablate.splits.rules import Folds
from ablate.store.work_folder import Store
from ablate.trainer import is_built_in


def sealed_part(question: SearchQuestion) -> str:
    """What a search sets aside."""
    return "fold 0" if isinstance(question.protocol.test, Folds) else "the test part"


def promise(question: SearchQuestion) -> str:
    """What is known of the sealed part where nothing is left unchecked."""
    sealed = sealed_part(question)
    if is_built_in(question.study.trainer.path):
        return f"{sealed} is sealed, and no trial reads it"
    return f"{sealed} is sealed: no trial was handed its images, and each returned scores of its validation images"


def caution(question: SearchQuestion, tried: Sequence[TrialRecord], store: Store) -> str:
    """Why the sealed part may have been read: a clause; empty where it is known to be unread."""
    sealed = sealed_part(question)
    if is_built_in(question.study.trainer.path):
        return ""
    if question.study.trainer.is_command:
        return (
            f"the command declares {question.study.trainer.validation!r} to be of validation images, and nobody "
            f"checked that, nor that {sealed} was unread"
        )
    if not question.protocol.must_split:
        return f"the trainer splits the images by itself, and nobody checked that {sealed} was unread"
    complete = [trial for trial in tried if trial.state == "complete"]
    early = sum(bool(unchecked(question.runs_of(trial.number, trial.point).values(), store)) for trial in complete)
    if not early:
        return ""
    made = f"{early} of {len(complete)} finished trials were made"
    return f"{made} by a version that did not check what they read: nobody knows that {sealed} was unread"


def unchecked(specs: Iterable[RunSpec], store: Store) -> int:
    """How many runs have finished without anybody knowing which images they were judged on."""
    found = [store.finished(spec.fingerprint) for spec in specs]
    return sum(bool(results) and not any(result.is_checked for result in results) for results in found)
