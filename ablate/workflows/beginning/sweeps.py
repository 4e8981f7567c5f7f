"""Sweeps of others as studies: the overrides of a Hydra multirun, the file of a W&B sweep."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.study.flow_style import flow
from ablate.study.reader import read_document
from ablate.workflows.beginning.command_study import CommandStudy
from ablate.workflows.beginning.results_guess import Guess, guess_results
from ablate.workflows.beginning.script import Script, read_script
from ablate.workflows.beginning.script_study import SEED
from ablate.workflows.beginning.tries import Change, plain_value, split_line

_SIMPLE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")


def study_of_hydra(line: str, script: str, seeds: int) -> CommandStudy:
    """Each value of each key on top of the first ones. line: as behind --multirun, `model=a,b aug=none,mixup`.

    Raises StudyError for what is no override, or a sweep whose values cannot be listed.
    """
    words = split_line(line, "--from-hydra")
    swept = dict(_override(word) for word in words)
    if len(swept) < len(words):
        raise StudyError("--from-hydra: a key appears twice", hint="Give each key once, its values behind commas.")
    seed = next((key for key in swept if SEED.fullmatch(key.rpartition(".")[2])), "seed")
    replicates = swept.pop(seed, [])
    if not any(len(values) > 1 for values in swept.values()):
        raise StudyError(
            f"--from-hydra {line!r}: no key has several values, so that nothing is compared",
            hint="Such as --from-hydra 'model=a,b aug=none,mixup'; the first value of each is the base.",
        )
    keys = {key: _key_of(key, swept) for key in swept}
    named = (
        ["{overrides}"] if all(key == own for key, own in keys.items()) else [f"{k}={{{o}}}" for k, o in keys.items()]
    )
    return CommandStudy(
        words=["python", *split_line(script, "--script"), *named, f"{seed}={{seed}}", "hydra.run.dir={folder}"],
        guess=_guess(script),
        base=_nested({keys[key]: values[0] for key, values in swept.items()}),
        changes=_one_at_a_time({keys[key]: values for key, values in swept.items()}),
        seeds=len(replicates) if len(replicates) > 1 else seeds,
        told=["Hydra's own folder is the run's: hydra.run.dir={folder}."],
    )


def _guess(script: str) -> Guess:
    """By the app's text where it is a file that is here; `-m` and a module are not looked for."""
    path = Path(split_line(script, "--script")[0])
    return guess_results(read_script(path) if path.suffix == ".py" else Script())


def _override(word: str) -> tuple[str, list[Any]]:
    key, equals, text = word.partition("=")
    if not equals or not key or key.startswith("~"):
        raise StudyError(
            f"--from-hydra: {word!r} is no override with values", hint="Each is KEY=VALUE or KEY=VALUE,VALUE."
        )
    call = re.fullmatch(r"(choice|range|interval|glob|shuffle|sort|tag)\((.*)\)", text, re.DOTALL)
    if call is None or call[1] == "choice":
        parts = _split(call[2] if call else text)
        return key, [plain_value(part) for part in parts]
    if call[1] == "range":
        return key, _range([plain_value(part.rpartition("=")[2]) for part in _split(call[2])], word)
    raise StudyError(
        f"--from-hydra: the values of {word!r} cannot be listed here",
        hint=f"Write them out: {key}=VALUE,VALUE. A range is searched by a `search:` block: docs/searching.md.",
    )


def _range(numbers: Sequence[Any], word: str) -> list[Any]:
    """As Hydra's range(stop), range(start, stop), range(start, stop, step)."""
    if not 1 <= len(numbers) <= 3 or not all(isinstance(one, int | float) for one in numbers):
        raise StudyError(f"--from-hydra: {word!r} is no range", hint="Such as range(1,5) or range(0,1,0.25).")
    start, stop, step = (0, *numbers, 1) if len(numbers) == 1 else (*numbers, 1)[:3]
    count = math.ceil((stop - start) / step - 1e-9) if step else 0
    if not 1 <= count <= 100:
        raise StudyError(f"--from-hydra: {word!r} has {max(0, count)} values", hint="Between 1 and 100 make a sweep.")
    return [start + place * step for place in range(count)]


def _split(text: str) -> list[str]:
    """At commas that no bracket and no quote holds; quotes around a value are taken away."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "([{") - (letter in ")]}") if not quote else 0
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip()[1:-1] if re.fullmatch(r"(['\"]).*\1", part.strip()) else part.strip() for part in parts]


def _key_of(key: str, all_keys: Mapping[str, Any]) -> str:
    """The setting's key in a study: the same, unless Hydra's has signs a setting has not, or is a block's as well."""
    is_block = any(other.startswith(f"{key}.") or key.startswith(f"{other}.") for other in all_keys if other != key)
    return key if _SIMPLE.fullmatch(key) and not is_block else re.sub(r"\W+", "_", key).strip("_")


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as blocks."""
    found: dict[str, Any] = {}
    for key, value in flat.items():
        *blocks, last = key.split(".")
        block = found
        for name in blocks:
            block = block.setdefault(name, {})
        block[last] = value
    return found


def _one_at_a_time(values: Mapping[str, Sequence[Any]]) -> list[Change]:
    return [
        Change(f"{key} {value if isinstance(value, str) else flow(value)}".replace("/", " ")[:80], {key: value})
        for key, several in values.items()
        for value in several[1:]
    ]


# --- W&B --------------------------------------------------------------------------------------


def study_of_sweep(path: Path, seeds: int) -> CommandStudy:
    """The sweep of W&B in a file: a grid as changes one at a time, ranges as a search.

    Raises StudyError for a file that is none, and for distributions that a search here does not have.
    """
    document = read_document(path)
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("parameters"), dict) or not data["parameters"]:
        raise StudyError(f"{path} is no sweep of W&B: it has no parameters", hint="It needs program: and parameters:.")
    if not isinstance(data.get("program"), str) and not data.get("command"):
        raise StudyError(f"{path} names no program", hint="Add program: train.py.")
    fixed, several, ranges = _parameters(data["parameters"], path)
    seed = next((key for key in (*several, *fixed) if SEED.fullmatch(key)), "seed")
    replicates = several.pop(seed, [])
    fixed.pop(seed, None)
    if not several and not ranges:
        raise StudyError(f"{path} compares nothing", hint="A parameter needs values: [...], or min: and max:.")
    told_metric = data.get("metric")
    metric: dict[str, Any] = told_metric if isinstance(told_metric, dict) else {}
    name = str(metric.get("name") or "accuracy")
    ours = "accuracy" if re.search(r"acc(uracy)?$", name, re.IGNORECASE) else re.sub(r"\W+", "_", name).strip("_")
    goal = {"minimize": "min", "maximize": "max"}.get(str(metric.get("goal")))
    told = {"key": name} | ({} if goal is None or ours == "accuracy" else {"goal": goal})
    is_grid = data.get("method") == "grid"
    space = {} if is_grid else {**several, **ranges}
    base = {
        **fixed,
        **{key: values[0] for key, values in several.items()},
        **{k: _middle(r) for k, r in ranges.items()},
    }
    results: dict[str, Any] = {"wandb": "."} | ({"validation": name} if space else {})
    return CommandStudy(
        words=_words(data, base, seed),
        guess=Guess(results, "the script's own W&B run", {ours: told} if ours != name or len(told) > 1 else {}),
        base=_nested(base),
        changes=_one_at_a_time(several),
        seeds=len(replicates) if len(replicates) > 1 else seeds,
        metric=ours,
        told=[
            f"From {path.name}, a sweep by {data.get('method', 'an unnamed method')}.",
            *([] if replicates else [f"The program has to take --{seed}: its runs could not vary otherwise."]),
        ],
        search={"space": space} if space else {},
    )


def _parameters(
    blocks: Mapping[str, Any], path: Path, above: str = ""
) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, dict[str, Any]]]:
    """Fixed values, lists of values and ranges, by dotted key."""
    fixed: dict[str, Any] = {}
    several: dict[str, list[Any]] = {}
    ranges: dict[str, dict[str, Any]] = {}
    for name, block in blocks.items():
        key = f"{above}{name}"
        if not isinstance(block, dict):
            raise StudyError(f"{path}: parameters.{key} is no block", hint="Write {value: ...} or {values: [...]}.")
        if isinstance(block.get("parameters"), dict):
            inner = _parameters(block["parameters"], path, f"{key}.")
            fixed |= inner[0]
            several |= inner[1]
            ranges |= inner[2]
        elif "value" in block:
            fixed[key] = block["value"]
        elif isinstance(block.get("values"), list) and block["values"]:
            several[key] = block["values"]
        else:
            ranges[key] = _range_of(block, key, path)
    fixed |= {key: values[0] for key, values in several.items() if len(values) == 1}
    return fixed, {key: values for key, values in several.items() if len(values) > 1}, ranges


def _range_of(block: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    low, high, kind = block.get("min"), block.get("max"), str(block.get("distribution", "uniform"))
    known = re.fullmatch(r"(q_)?(int_)?(uniform|log_uniform|log_uniform_values)", kind)
    if known is None or not isinstance(low, int | float) or not isinstance(high, int | float):
        raise StudyError(
            f"{path}: parameters.{key} has the distribution {kind!r}, which a search here does not have",
            hint="Give min: and max:, uniform or log_uniform_values, or values: [...].",
        )
    if known[3] == "log_uniform":  # its bounds are exponents
        low, high = math.exp(low), math.exp(high)
    step = {"step": block["q"]} if known[1] and isinstance(block.get("q"), int | float) else {}
    return {"low": low, "high": high} | ({"log": True} if "log" in kind else step)


def _middle(block: Mapping[str, Any]) -> float | int:
    """Where a search begins: the middle of the range, of its logarithm where it is searched by that."""
    low, high = block["low"], block["high"]
    if block.get("log"):
        middle = math.sqrt(low * high)
        return round(middle) if isinstance(low, int) and isinstance(high, int) else float(f"{middle:.3g}")
    return (low + high) // 2 if isinstance(low, int) and isinstance(high, int) else float(f"{(low + high) / 2:.3g}")


def _words(data: Mapping[str, Any], base: Mapping[str, Any], seed: str) -> list[str]:
    """The sweep's command with a place for each parameter, and for the seed."""
    template = data.get("command") or ["${interpreter}", "${program}", "${args}"]
    template = [template] if isinstance(template, str) else template
    words: list[str] = []
    for word in map(str, template):
        match word:
            case "${env}" | "/usr/bin/env":
                continue
            case "${interpreter}":
                words.append("python")
            case "${program}":
                words.append(str(data.get("program")))
            case "${args}":
                words += [f"--{key}={{{key}}}" for key in base] + [f"--{seed}={{seed}}"]
            case "${args_no_hyphens}":
                words += [f"{key}={{{key}}}" for key in base] + [f"{seed}={{seed}}"]
            case "${args_no_boolean_flags}":
                flags = [f"{{?{key}:--{key}}}" if isinstance(base[key], bool) else f"--{key}={{{key}}}" for key in base]
                words += [*flags, f"--{seed}={{seed}}"]
            case _:
                words.append(word.replace("${program}", str(data.get("program"))))
    return words
