"""What a server that refuses is taken to say: who, what, where, and what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from ablate.study.load import load_study
from ablate.track.refusals import refusal_of

URI = "http://server:5000"


def an_error(code: str, text: str = "no") -> Exception:
    """As MLflow's client raises it."""
    error = RuntimeError(text)
    error.error_code = code  # type: ignore[attr-defined]
    return error


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Somebody with a password."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anna")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush-hush")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("wanted", ["read", "write"])
@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_who_and_where_are_named_and_the_password_is_not(code: str, wanted: str) -> None:
    """And the next step is in the hint."""
    refusal = refusal_of(an_error(code), URI, wanted=wanted)  # type: ignore[arg-type]

    assert refusal is not None
    assert URI in str(refusal)
    assert "'anna'" in str(refusal)
    assert refusal.hint
    assert "hush" not in str(refusal)


def test_a_wrong_password_leads_to_where_it_is_set() -> None:
    """Both variables are named."""
    said = str(refusal_of(an_error("UNAUTHENTICATED"), URI, wanted="read"))

    assert "does not accept user 'anna' with this password (401)" in said
    assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in said


def test_nobody_named_is_told_to_give_a_name() -> None:
    """Not that a password were wrong."""
    with mock.patch.dict(os.environ):
        del os.environ["MLFLOW_TRACKING_USERNAME"]
        said = str(refusal_of(an_error("UNAUTHENTICATED"), URI, wanted="read"))
        inside = str(refusal_of(an_error("UNAUTHENTICATED"), "http://ben:hush-hush@server:5000", wanted="read"))

    assert "was given none (401)" in said
    assert "the user in its address" in inside
    assert "hush" not in inside


def test_who_may_read_alone_is_told_the_two_ways_on(tmp_path: Path) -> None:
    """The right, or an experiment of one's own."""
    said = str(refusal_of(an_error("PERMISSION_DENIED"), URI, wanted="write"))

    assert "the right EDIT" in said
    (advice,) = re.findall(r"`(tracking: [^`]+)`", said)
    study = tmp_path / "x.yaml"
    lines = ["study: x", "trainer: ablate.toy:train", "chain: {more: {gain: 1.0}}", "base: {}", advice]
    study.write_text("\n".join(lines), encoding="utf-8")
    assert load_study(study).experiment == "NAME"


def test_a_name_the_server_does_not_know_itself_by_is_no_lack_of_rights() -> None:
    """MLflow answers 403 to a strange Host header, too."""
    error = an_error(
        "PERMISSION_DENIED", "Response body: 'Invalid Host header - possible DNS rebinding attack detected'"
    )

    assert "--allowed-hosts needs server:5000" in str(refusal_of(error, URI, wanted="write"))


def test_an_answer_to_a_file_counts_and_any_other_trouble_does_not() -> None:
    """What requests raises carries the answer."""
    sent = OSError("401")
    sent.response = SimpleNamespace(status_code=401)  # type: ignore[attr-defined]

    assert refusal_of(sent, URI, wanted="write") is not None
    assert refusal_of(OSError("away"), URI, wanted="write") is None
    assert refusal_of(an_error("INTERNAL_ERROR"), URI, wanted="read") is None
