"""What is to be tried of a script, as it would be typed: `--use-bn`, `--dropout 0.5`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ablate.errors import StudyError, near_match
from ablate.workflows.beginning.script import PLAIN, Option, Script


class Change(NamedTuple):
    """A factor of a study: what it is called, and setting -> value."""

    name: str
    values: Mapping[str, Any]


def split_line(text: str, what: str) -> list[str]:
    """Words as a shell would have them. Raises StudyError for a quote that is not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        raise StudyError(f"{what} {text!r}: a quote is not closed", hint="Close it.") from None


def changes_of(tries: Sequence[str], script: Script, name: str) -> list[Change]:
    """Each try as a factor. Raises StudyError for an option that the script does not have, or that changes nothing."""
    found = [_change_of(text, script, name) for text in tries]
    names = [change.name for change in found]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise StudyError(f"--try {twice!r} appears twice", hint="Give it once.")
    return found


def options_in(changes: Sequence[Change], script: Script) -> list[Option]:
    """The options that any of the changes sets, in the script's order."""
    keys = {key for change in changes for key in change.values}
    return [option for option in script.options if option.key in keys]


def _change_of(text: str, script: Script, name: str) -> Change:
    by_flag = {option.flag: option for option in script.options}
    off = {f"--no-{one.flag.removeprefix('--')}": one for one in script.options if one.kind == "pair"}
    values: dict[str, Any] = {}
    words = [part for word in split_line(text, "--try") for part in _halves(word)]
    place = 0
    while place < len(words):
        word, place = words[place], place + 1
        option = by_flag.get(word) or off.get(word)
        if option is None:
            known = ", ".join(by_flag) or "none"
            raise StudyError(
                f"--try {text!r}: {name} has no option {word!r}", hint=f"{near_match(word, by_flag)}It has: {known}."
            )
        behind = []
        while (
            place < len(words) and words[place] not in by_flag and words[place] not in off and _is_value(words[place])
        ):
            behind.append(words[place])
            place += 1
        values[option.key] = _value_of(option, word, behind, text)
        if values[option.key] == option.default:
            raise StudyError(
                f"--try {text!r}: {word} is {option.default!r} already, the script's default",
                hint="Try another value; a change that changes nothing would be trained in vain.",
            )
    if not values:
        raise StudyError("--try is empty", hint="Such as --try '--dropout 0.5'.")
    return Change(text.strip().lstrip("-").replace(" --", ", ").replace("/", " ")[:80], values)


def _halves(word: str) -> list[str]:
    """`--lr=0.1` as two words."""
    flag, equals, value = word.partition("=")
    return [flag, value] if word.startswith("--") and equals else [word]


def _is_value(word: str) -> bool:
    """Whether a word is no option: a negative number is none."""
    return not word.startswith("-") or word[1:2].isdigit() or word[1:2] == "."


def _value_of(option: Option, word: str, behind: Sequence[str], text: str) -> Any:
    switches = option.kind in ("on", "off", "pair")
    if switches and behind:
        raise StudyError(f"--try {text!r}: {word} takes no value, and {behind[0]!r} follows it", hint="Leave it out.")
    if switches:
        return option.kind != "off" and not (option.kind == "pair" and word != option.flag)
    if not behind:
        raise StudyError(f"--try {text!r}: {word} takes a value", hint=f"Such as --try '{word} 0.5'.")
    if len(behind) > 1 and option.kind == "value":
        raise StudyError(f"--try {text!r}: {word} takes one value, and {behind[1]!r} is a second one", hint="Quote it.")
    for one in behind:
        _refuse_untaken(option, word, one, text)
    read = [one if option.is_text else plain_value(one) for one in behind]
    return read if option.kind in ("list", "repeated") else read[0]


def _refuse_untaken(option: Option, word: str, value: str, text: str) -> None:
    """Raise StudyError for a value that argparse would refuse in every run."""
    kind = PLAIN.get(option.type, str)
    try:
        read = kind(value)
    except ValueError:
        what = "a whole number" if option.type == "int" else "a number"
        raise StudyError(
            f"--try {text!r}: {word} takes {what} (type={option.type}), and {value!r} is none",
            hint="Every run would fail on it.",
        ) from None
    if option.choices and read not in [kind(one) for one in option.choices]:
        near = near_match(value, option.choices)
        raise StudyError(
            f"--try {text!r}: {word} does not take {value!r}",
            hint=f"{near}Its choices are {', '.join(option.choices)}.",
        )


def plain_value(text: str) -> Any:
    """A number, true, false or null where it reads as one; else the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "null": None}.get(text.lower(), text)
