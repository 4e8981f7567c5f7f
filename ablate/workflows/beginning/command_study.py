"""A study that runs somebody's command: the file's text, and what it is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ablate.metrics import NEGLIGIBLE, WORTHWHILE, is_rate
from ablate.study.flow_style import flow
from ablate.workflows.beginning.results_guess import Guess
from ablate.workflows.beginning.study_text import commented, row
from ablate.workflows.beginning.tries import Change
from ablate.workflows.study_schema import MODELINE

_OPTION = re.compile(r"--?[A-Za-z][\w-]*")


class CommandStudy(NamedTuple):
    """What a study over a command says. told: comments above the command. search: the block, {} for none."""

    words: Sequence[str]
    guess: Guess
    base: Mapping[str, Any]
    changes: Sequence[Change]
    seeds: int
    metric: str = "accuracy"
    told: Sequence[str] = ()
    search: Mapping[str, Any] = {}
    test: Any = None


def command_text(name: str, study: CommandStudy) -> str:
    """The whole file."""
    metrics = {"metrics": study.guess.metrics} if study.guess.metrics else {}
    rows = [MODELINE]
    rows += ["# What gain would change your decision? Set these two before the first run: they judge every change."]
    rows += ["evidence:", *_thresholds(study.metric)]
    rows += [row(1, "metric", study.metric, "what the script reports of the test images")]
    rows += [] if study.test is None else [row(1, "test", study.test, "")]
    rows += [row(1, "replicates", study.seeds, "seeds of each variant; [5, 10] plans a second look")]
    rows += [f"study: {name}", "question: Which of these changes make the model better?", "trainer:"]
    rows += [f"  # {line}" for line in study.told]
    rows += [f"  command: [{', '.join(map(_word, study.words))}]"]
    rows += [row(1, "results", study.guess.results, study.guess.why)]
    rows += [row(1, key, value, "") for key, value in metrics.items()]
    rows += [commented("base:", "the settings without any change: every {key} of the command")]
    rows += [row(1, key, value, "") for key, value in study.base.items()] if study.base else []
    rows[-1] = "base: {}" if not study.base else rows[-1]
    if study.changes:
        rows += [commented("one_at_a_time:", "each change on the base alone")]
        rows += [row(1, change.name, change.values, "") for change in study.changes]
    if study.search:
        rows += ["search:"]
        rows += [row(1, key, value, "") for key, value in study.search.items()]
    return "\n".join(rows) + "\n"


def _word(word: str) -> str:
    """A word of a command, in quotes where YAML would take it for something else."""
    return word if _OPTION.fullmatch(word) else flow(word)


def _thresholds(metric: str) -> list[str]:
    """Points of a rate; of another metric nobody but its owner knows what is worth having."""
    if is_rate(metric):
        return [
            row(1, "worthwhile", WORTHWHILE, "points: a smaller gain is not worth having"),
            row(1, "negligible", NEGLIGIBLE, "points: a smaller difference counts as none"),
        ]
    return [
        commented("  # worthwhile: 0.05", f"in the unit of {metric}: a smaller gain is not worth having"),
        commented("  # negligible: 0.01", "a smaller difference counts as none"),
    ]
