"""`ablate plan` and `ablate check`: what a study comes to, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ablate.cli.loading import load, seconds_of, workers_of
from ablate.cli.options import DesignName, Json, Look, Sets, Small, StandIn, StudyPath, Within, Work, Workers
from ablate.cli.show import errors_shown, note, say, say_json
from ablate.cli.translation import translated_part

if TYPE_CHECKING:
    from ablate.study.plan import Plan


def plan(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
    look: Look = None,
    within: Within = None,
    workers: Workers = "auto",
    json_: Json = False,
) -> None:
    """Show every variant, what is done, what is to do, its price, and what it will be able to see.

    Example: ablate plan studies/quickstart.yaml
    """
    from ablate.cli.results import show_plan
    from ablate.cli.time_budget import show_budget
    from ablate.workflows.examine_data import not_there
    from ablate.workflows.options import Options
    from ablate.workflows.plan_summary import plan_summary
    from ablate.workflows.session import open_session, resolved_options
    from ablate.workflows.slow_precision import precision_notes
    from ablate.workflows.time_budget import time_budget

    with errors_shown():
        loaded = load(study, work, set_, design, stand_in=stand_in, small=small)
        loaded.trainer.refuse_absent(f"{loaded.document.where(('trainer',))}: ")
        session = open_session(loaded, work)
        options = Options(look=look or 0, workers=workers_of(workers))
        options = resolved_options(session, options)
        seconds = seconds_of("--within", within)
        summary = plan_summary(session, options, with_parameters=True)
        if within is not None and seconds is not None:
            summary["within"] = time_budget(session, options, within, seconds)
        if json_:
            say_json(summary)
        else:
            show_plan(summary, session.plan.protocol.metric)
            if "within" in summary:
                show_budget(summary["within"], session.plan.protocol.metric)
            for line in not_there(session.study, session.plan):
                note(f"Missing, and needed by the first run: {line}")
        for line in precision_notes(session.plan):
            note(line)


def check(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
) -> None:
    """Check a study file: every key, every variant, every name. Needs neither data nor torch.

    A study file can name code (`trainer: my_pkg.exp:train`, `model.name: my_pkg.nets:make`), which is imported
    here and executed by `run`: it is as trusted as code. Look at it before you check one from somebody else.

    Example: ablate check studies/quickstart.yaml
    """
    from ablate.search import make_question
    from ablate.study.plan import make_plan
    from ablate.workflows.examine_data import not_there
    from ablate.workflows.search.tuned_plan import check_tuning
    from ablate.workflows.slow_precision import precision_notes

    with errors_shown():
        loaded = load(study, work, set_, design, stand_in=stand_in, small=small)
        loaded.trainer.refuse_absent(f"{loaded.document.where(('trainer',))}: ")
        checked = make_plan(loaded)
        check_tuning(loaded, checked)
        if loaded.search is not None:
            make_question(loaded)
        if loaded.trainer.missing:
            note(f"Not installed here, and needed by the first run: {', '.join(loaded.trainer.missing)}.")
        say(f"{study} OK: {_sizes(checked)}.")
        for line in not_there(loaded, checked):
            note(f"Missing, and needed by the first run: {line}")
        for line in precision_notes(checked):
            note(line)


def _sizes(plan: Plan) -> str:
    from ablate.report.wording.numbers import counted, listed

    looks = listed([str(look) for look in plan.looks], at_most=len(plan.looks))
    when = f"looks at {looks} replicates" if len(plan.looks) > 1 else f"look at {looks} replicates"
    when = "look at 1 replicate" if plan.looks == (1,) else when
    parts = counted(len(plan.variants), "variant"), counted(len(plan.contrasts), "comparison"), when
    return ", ".join(map(translated_part, parts))
