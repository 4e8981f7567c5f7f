"""What a command does about runs that were finished before a default changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ablate.errors import DecisionNeeded
from ablate.results.former_runs import FormerRuns
from ablate.workflows.options import Options
from ablate.workflows.session import Session


def refuse_former_only(session: Session, options: Options) -> None:
    """Raise DecisionNeeded where all runs there are were made by a former default, before anything is written.

    A report would be empty, and training would begin anew although nobody asked for that.
    """
    former = session.former_runs(options.look) if options.stale != "retrain" else None
    if former is not None and not former.begun:
        raise DecisionNeeded(
            f"{former.sentence}. By the new default no run has been made yet.", hint=way_out(session, former)
        )


def way_out(session: Session, former: FormerRuns) -> str:
    """What keeps the runs there are, and what trains them again, with commands as a shell in this folder reads them."""
    from ablate.report.gather.next_steps import commands_for, quote_for_shell

    commands = replace(commands_for(session.study, session.work), file=session.study.document.name)
    work = "" if session.work == Path.cwd() else f" --work {quote_for_shell(str(session.work), bare=True)}"
    return former.remedy(session.study.base, commands.run() + work)
