"""What is known of a search beside Optuna's storage: where that is, what was shown, what another one has found."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from ablate.errors import Damaged, StudyError
from ablate.execute.live import Task
from ablate.files import read_json, write_json
from ablate.records import Failed, Finished, RunSpec
from ablate.results.survey import given_up
from ablate.safety.addresses import holds_secret, without_secrets
from ablate.search import OpenSearch, OptunaAdapter, OptunaSource, SearchQuestion, points_of
from ablate.search.storage import JOURNAL, is_own, storage_words
from ablate.store.run_names import PLAN, SEARCH
from ablate.store.work_folder import Store
from ablate.workflows.options import Options
from ablate.workflows.session import Session

logger = logging.getLogger(__name__)

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,79}")
GIVEN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def recalled_search(folder: Path) -> dict[str, Any]:
    """What was remembered of the search in this folder."""
    return dict(read_json(folder / SEARCH) or {})


def remember(folder: Path, **news: object) -> None:
    """Add to what is remembered."""
    write_json(folder / SEARCH, recalled_search(folder) | news)


def refuse_other_storage(folder: Path, url: str | None) -> None:
    """A search that began in one storage would begin anew in another, silently."""
    memory = recalled_search(folder)
    stored = memory.get("storage")
    known = None if stored is None else without_secrets(stored)
    asked = storage_words(folder, url)
    if stored is not None and holds_secret(stored):
        remember(folder, storage=known)
        logger.warning(
            "%s held the password of the search's storage, and so may the search's report and its copy in MLflow; it "
            "is taken out now. Choose another password: copies may have been made",
            folder / SEARCH,
        )
    # An earlier version wrote a file's path down as it was given.
    if known is None or known in (asked, url):
        return
    was_own = memory.get("is_own", Path(known).parts[-4:] == (".ablate", "studies", folder.name, JOURNAL))
    if was_own and is_own(folder, url):
        return  # the work folder was moved, and the journal with it
    raise StudyError(
        f"the search {folder.name!r} is kept in {known}, not in {asked}",
        hint=("Leave --storage out" if was_own else f"Give --storage {known}") + ", or take --new NAME.",
    )


def refuse_taken_name(work: Path, name: str, *, given: bool) -> None:
    """Refuse a name that cannot be a folder's, or that a study has which is no search.

    given: by a person. Such a name is as short as a study's and has no `@`, which marks a changed study's own
    search; one under which a search was begun before that was so is still good.
    """
    begun = (Store(work).study(name) / SEARCH).exists() if NAME.fullmatch(name) else False
    if not (GIVEN if given and not begun else NAME).fullmatch(name):
        raise StudyError(
            f"--new {name!r} cannot be the name of a search",
            hint="Use at most 64 lower-case letters, digits, '.', '_' and '-', the first a letter or a digit.",
        )
    folder = Store(work).study(name)
    if (folder / PLAN).exists() and not (folder / SEARCH).exists():
        raise StudyError(f"{name!r} is the name of a study that has run here", hint="Give the search another: --new.")


def carry_over(opened: OpenSearch, question: SearchQuestion, session: Session, usual: str, url: str | None) -> None:
    """Begin a renamed search with those points of the usual one that the records answer.

    usual: the name of the search before it was renamed. Its points in the new space are enqueued where their
    runs are finished, so that nothing is trained twice.
    """
    if opened.optuna_study.get_trials(deepcopy=False):
        return
    digest, origin = session.prepared[session.plan.variants[0].name].digest, session.origin

    def is_present(run: Finished) -> bool:
        return origin.is_source(run.stamp.source_digest) and run.stamp.data_digest == digest

    base = question.space.baseline()
    points = [] if base is None else [dict(base)]
    for point in points_of(usual, session.store.study(usual), url):
        if not question.space.holds(point):
            continue
        specs = question.specs(point).values()
        finished = [[run for run in session.store.finished(spec.fingerprint) if spec.takes(run)] for spec in specs]
        if all(any(is_present(run) for run in runs) for runs in finished):
            points.append(point)
    OptunaAdapter(optuna_study=opened.optuna_study, question=question).enqueue(points)


def _was_asked_more(attempt: Path, spec: RunSpec) -> bool:
    """Whether a failed attempt had to say what it was judged on, and nobody asks for that any more."""
    try:
        return Task.read(attempt).spec.protocol.must_split and not spec.protocol.must_split
    except Damaged:
        return False


def make_source(
    question: SearchQuestion, opened: OpenSearch, session: Session, trials: int, options: Options
) -> OptunaSource:
    """The Source that asks this search's Optuna study."""
    baseline, origin = session.plan.variants[0].name, session.origin

    def failed_before(spec: RunSpec) -> Failed | None:
        results = session.store.results(spec.fingerprint)
        last = results[-1] if results and not options.retry_failed else None
        if not isinstance(last, Failed) or not given_up(results, origin, baseline):
            return None
        return None if _was_asked_more(last.folder, spec) else last

    return OptunaSource(
        book=OptunaAdapter(optuna_study=opened.optuna_study, question=question),
        store=session.store,
        trials=trials,
        source_digest=session.source,
        former_sources=origin.former_sources(),
        data_digest=session.prepared[baseline].digest,
        failed_before=failed_before,
        retry_failed=options.retry_failed,
    )
