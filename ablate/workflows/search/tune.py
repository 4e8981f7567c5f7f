"""Fair tuning: every variant of a study gets the same search before its replicates are trained.

"Did you retune the learning rate after adding BN?" A study with `tune:` answers: yes, each variant with the
same space and as many trials, on validation images; what came of it is written down once and the report
shows it.
"""

from __future__ import annotations

from typing import Any

from ablate.errors import StudyError
from ablate.files import write_json
from ablate.harness.interruption import Interrupted
from ablate.harness.progress import OnProgress
from ablate.study.plan import make_plan
from ablate.workflows.options import Options
from ablate.workflows.search.result import SearchOptions, SearchRun
from ablate.workflows.search.run import search_for
from ablate.workflows.search.tuned_plan import TUNED, asked_of, questions_of, tuned_plan
from ablate.workflows.session import Session, interruption_of


def tune(session: Session, options: Options, on_progress: OnProgress) -> Session:
    """Search for every variant what is not found yet, and write down what each is to be trained with.

    Raises StudyError where no trial of a variant finished, Interrupted where a search was interrupted.
    """
    study = session.study
    plan = make_plan(study)
    assert study.tune is not None
    chosen = {}
    for name, question in questions_of(study, plan).items():
        interruption_of(options).end_here()
        found = search_for(question, SearchOptions(trials=study.tune.trials), session.work, options, on_progress)
        if found.exit_code >= 128:
            raise Interrupted(found.exit_code)
        if found.best is None:
            raise StudyError(
                f"no trial of the tuning of {name!r} finished", hint=f"{found.page} says how each of them ended."
            )
        chosen[name] = _record(found)
    write_json(session.store.study(study.name) / TUNED, {"asked": asked_of(study, plan), "variants": chosen})
    tuned = tuned_plan(study, plan, session.store)
    assert tuned is not None
    return Session(study, tuned, session.work)


def _record(found: SearchRun) -> dict[str, Any]:
    best = found.best
    assert best is not None
    base = found.question.space.baseline()
    untuned = next((t.value for t in found.tried if t.number < 0 or t.point == base), None)
    return {
        "point": dict(best.point),
        "value": best.value,
        "untuned": untuned,
        "trials": len(found.tried),
        "finished": sum(trial.state == "complete" for trial in found.tried),
        "search": found.name,
        "checked": not found.unchecked,
    }
