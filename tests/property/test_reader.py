"""Thousands of damaged study files: each is a good study or is refused in words, never a traceback."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.errors import AblateError
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.study.reader import read_text

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / "studies" / "quickstart.yaml", *sorted((ROOT / "tests" / "golden" / "studies").glob("*.yaml"))]
TEXTS = [path.read_bytes() for path in STUDIES]
ODD = [
    b"null", b"true", b"0", b"-1", b"1e999", b"1e-999", b"9" * 30, b"[]", b"{}", b"{name: x}", b"[null]", b"''", b'""',
    b"~", b": ", b"- ", b"#", b"*a", b"&a ", b"!!set ", b"? ", b"|", b">", b"---\n", b"...\n", b"%YAML 1.2\n", b"\t",
    b"\r", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b'"\\uD800"', b'"\\x00"', b"<<: ",
    b"each", b"{each: [1, 2]}", b"baseline", b".", b"..", b"a.b.c", b"name", b"evidence", b"inf", b".nan", b"1/0",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc. ", max_size=4), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


def damaged(seed: int) -> bytes:
    """A study file with one to three mistakes that a person, an editor or a disk may make."""
    rng = random.Random(seed)
    text = rng.choice(TEXTS)
    for _ in range(rng.randint(1, 3)):
        text = rng.choice([_spliced, _word, _line, _cut])(text, rng)
    return text


def _spliced(text: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice([*ODD, bytes([rng.randrange(256)])]) + text[at + rng.choice([0, 0, 1, 3]) :]


def _word(text: bytes, rng: random.Random) -> bytes:
    words = text.split(b" ")
    words[rng.randrange(len(words))] = rng.choice([*ODD, rng.choice(words)])
    return b" ".join(words)


def _line(text: bytes, rng: random.Random) -> bytes:
    lines = text.splitlines(keepends=True) or [b""]
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines.pop(at)
    changed = rng.choice([[], [line, line], [b"  " + line], [line.lstrip()]])
    return b"".join(lines[:other] + changed + lines[other:])


def _cut(text: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.3 else text[:at] + text[at + rng.randrange(1, 40) :]


def check(seed: int, path: Path) -> bool:
    """Whether the damaged file is still a good study; anything but an AblateError is the test's failure."""
    path.write_bytes(damaged(seed))
    try:
        plan = make_plan(load_study(path))
    except AblateError as error:
        message = str(error).encode().decode()  # printable on any terminal
        assert message.strip(), f"seed {seed}"
        return False
    assert plan.variants[0].name == "baseline", f"seed {seed}"
    return True


def test_a_damaged_study_is_refused_in_words(tmp_path: Path) -> None:
    """Three hundred of them, the same on every machine; some survive their damage."""
    good = [check(seed, tmp_path / "study.yaml") for seed in range(300)]

    assert 10 < sum(good) < 200


@pytest.mark.slow
def test_ten_thousand_damaged_studies_are_refused_in_words(tmp_path: Path) -> None:
    """The same sweep, longer."""
    for seed in range(300, 10_300):
        check(seed, tmp_path / "study.yaml")


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_json_is_yaml_that_reads_back_the_same(value: Any) -> None:
    """Whatever a program writes as JSON is a value of the dialect; floats keep every digit."""
    read = read_text(json.dumps(value, ensure_ascii=False), name="x").data

    assert _normal(read) == _normal(value)


def _normal(value: Any) -> Any:
    match value:
        case float() if value.is_integer() and math.isfinite(value):
            return value + 0.0  # -0.0 and 0.0 are one number
        case list():
            return [_normal(item) for item in value]
        case dict():
            return {key: _normal(item) for key, item in value.items()}
        case _:
            return value
