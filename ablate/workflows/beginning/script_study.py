"""A study of somebody's training script, by what its options are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.workflows.beginning.command_study import CommandStudy
from ablate.workflows.beginning.results_guess import Guess, guess_results
from ablate.workflows.beginning.script import Option, Script, read_script
from ablate.workflows.beginning.tries import changes_of, options_in, split_line

SEED = re.compile(r"(random|manual|rng|global|np|torch)?_?(seed|random_state)")
FOLD = re.compile(r"(cv_|val_|test_)?fold(_idx|_index|_id|_number)?")
FOLDER = re.compile(
    r"(default_root|out|output|save|saved|log|logging|work|working|result|results|run|checkpoint|ckpt|model|exp)"
    r"s?_?(dir|folder|path|directory|root)?"
)
NO_FOLDER = {"model", "models", "run", "runs", "exp", "exps", "log", "model_path", "checkpoint", "ckpt", "work"}
"""Of these names, alone, nobody can tell: an architecture, a checkpoint to begin with, a switch."""
VARYING = ("{seed}", "{replicate}", "{fold}", "{split}")
SHOWN = 12


def study_of_script(line: str, tries: Sequence[str], seeds: int) -> CommandStudy:
    """The study that tries changes of a script.

    line: the script and arguments that never change. Raises StudyError where the script's replicates could not vary,
    an option is not there, or one it cannot do without is not given.
    """
    name, *fixed = split_line(line, "--script")
    script = read_script(Path(name))
    if not script.options:
        raise StudyError(
            f"{name} adds no option to an argparse parser, nor does a module beside it",
            hint="For Hydra: --from-hydra 'model=a,b' with the script. For others write `trainer: {command: [...]}` by "
            "hand: docs/command.md.",
        )
    if not tries:
        known = ", ".join(f"{one.flag} {_shown(one.default)}".strip() for one in script.options[:SHOWN])
        raise StudyError(f"nothing of {name} is tried", hint=f"Such as --try '--lr 0.01'. Its options: {known}.")
    changes = changes_of(tries, script, name)
    tried = options_in(changes, script)
    given = {word.partition("=")[0] for word in fixed}
    _refuse_missing(script, tried, given, name, fixed)
    seed = _first(script.options, SEED, given)
    fold = _first(script.options, FOLD, given)
    if seed is None and fold is None and not any(place in word for word in fixed for place in VARYING):
        raise StudyError(
            f"{name} has no option for a seed, so that its replicates would be one run repeated",
            hint="Let it take --seed N, or put {seed} where it takes one: --script '" + name + " --my-seed {seed}'.",
        )
    folder = _folder_option(script.options, given)
    guess = guess_results(script)
    words = ["python", name, *fixed, *(word for option in tried for word in option.words)]
    words += [seed.flag, "{seed}"] if seed is not None else []
    words += [fold.flag, "{fold}"] if fold is not None and seed is None else []
    if folder is not None:
        at, guess = _folder_value(folder, guess)
        words += [folder.flag, at]
    return CommandStudy(
        words=words,
        guess=guess,
        base={option.key: option.default for option in tried},
        changes=changes,
        seeds=seeds,
        told=_told(script, tried, (seed, fold, folder)),
    )


def _first(options: Sequence[Option], names: re.Pattern[str], given: set[str]) -> Option | None:
    """The first value option of such a name that the line has not set."""
    fitting = (one for one in options if names.fullmatch(one.key.lower().rstrip("_")) and one.flag not in given)
    return next((one for one in fitting if one.kind == "value"), None)


def _folder_option(options: Sequence[Option], given: set[str]) -> Option | None:
    for option in options:
        name = option.key.lower().rstrip("_")
        if option.kind == "value" and FOLDER.fullmatch(name) and name not in NO_FOLDER and option.flag not in given:
            return option
    return None


def _folder_value(option: Option, guess: Guess) -> tuple[str, Guess]:
    """What the option is given: the run's folder, or a file in it where its default is one."""
    default = str(option.default or "")
    ending = re.search(r"[^/\\]+\.(json|csv)$", default)
    if ending is None:
        return "{folder}", guess
    name = ending[0]
    return f"{{folder}}/{name}", Guess({"file": name}, f"the file that {option.flag} names")


def _refuse_missing(script: Script, tried: Sequence[Option], given: set[str], name: str, fixed: Sequence[str]) -> None:
    """Raise StudyError for what the script cannot do without and nobody has given."""
    missing = [one.flag for one in script.options if one.is_required and one not in tried and one.flag not in given]
    missing = [flag for flag in missing if not SEED.fullmatch(flag.strip("-").replace("-", "_"))]
    loose = _loose(script, fixed)
    missing += list(script.positional[loose:])
    if missing:
        raise StudyError(
            f"{name} cannot do without {', '.join(missing)}",
            hint=f"Give them behind the script: --script '{name} {missing[0]} ...'.",
        )
    unset = next((one for one in tried if one.is_required and one.default is None), None)
    if unset is not None:
        raise StudyError(
            f"{name} cannot do without {unset.flag}, and has no default for it that could be the base",
            hint="Give the option a default in the script, and try others.",
        )


def _loose(script: Script, fixed: Sequence[str]) -> int:
    """How many words of the line belong to no option."""
    takes = {one.flag for one in script.options if one.kind not in ("on", "off", "pair")}
    behind = [False, *(word in takes for word in fixed)]
    return sum(not word.startswith("-") and not after for word, after in zip(fixed, behind, strict=False))


def _told(script: Script, tried: Sequence[Option], used: Sequence[Option | None]) -> list[str]:
    """Comments: options that are left as the script has them."""
    left = [one for one in script.options if one not in tried and one not in used]
    if not left:
        return []
    shown = [f"{one.flag} {_shown(one.default)}".strip() for one in left[:SHOWN]]
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    return [f"As the script has them: {', '.join(shown)}{more}. `ablate init` has read its options and not run it."]


def _shown(value: Any) -> str:
    return "" if value is None or isinstance(value, bool) else str(value)[:30]
