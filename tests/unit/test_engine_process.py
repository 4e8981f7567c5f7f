"""A network in a process of its own: its answers, its times, and what is said when the process ends."""

from __future__ import annotations

import io

import numpy as np
import pytest

from ablate.deploy import frames
from ablate.deploy.process import EngineProcess
from ablate.deploy.worker import peak_bytes, serve
from ablate.errors import DataError, NotInstalled

OPENER = "tests.opened_engines:open_talking"
IMAGES = np.ones((2, 3, 4, 4), np.float32)


@pytest.fixture(scope="module")
def engine() -> EngineProcess:  # type: ignore[misc]
    """One that answers."""
    with EngineProcess("a/network", opener=OPENER, threads=1) as process:
        yield process


def test_it_answers_whatever_its_library_prints(engine: EngineProcess) -> None:
    """What a library writes to the standard output is nobody's frame."""
    np.testing.assert_array_equal(engine.logits(IMAGES), np.full((2, 3), 2, np.float32))
    assert (engine.name, engine.precision, engine.image_shape) == ("torch", "bf16", None)
    assert engine.load_seconds >= 0


def test_it_takes_the_time_of_single_calls_and_tells_its_own_peak(engine: EngineProcess) -> None:
    """As many as asked; at least one however little time there is."""
    assert len(engine.seconds(IMAGES, 7, at_most=10)) == 7
    assert len(engine.seconds(IMAGES, 7, at_most=0)) == 1
    assert engine.peak_bytes is not None
    assert 1e6 < engine.peak_bytes < 4e9


def test_an_error_in_a_call_is_told_and_the_process_goes_on(engine: EngineProcess) -> None:
    """Of the library's own kind, named with the file."""
    with pytest.raises(DataError, match="a/network cannot be used: ValueError: out of range"):
        engine.logits(IMAGES * 50)
    assert engine.logits(IMAGES).shape == (2, 3)


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("a/refused", DataError, "a/refused is refused. Give another."),
        ("a/missing", NotInstalled, "this needs a library. Install it."),
        ("a/broken", DataError, "a/broken cannot be used: RuntimeError: no such operator"),
        ("a/deadly", DataError, "a/deadly ended the process that was to use it, with code 7"),
    ],
)
def test_what_goes_wrong_at_opening_is_one_error(path: str, kind: type[Exception], said: str) -> None:
    """Also the end of the process itself."""
    with pytest.raises(kind) as caught:
        EngineProcess(path, opener=OPENER)
    assert said in str(caught.value)


def test_a_file_that_crashes_its_library_ends_its_own_process_alone() -> None:
    """By which signal is told."""
    with EngineProcess("a/network", opener=OPENER) as engine, pytest.raises(DataError, match="by signal 6"):
        engine.logits(IMAGES * 200)


def test_a_process_that_lives_and_answers_nonsense_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for the next question, and this side for its end."""

    def nonsense(_stream: object) -> frames.Frame:
        raise ValueError("no frame")

    with EngineProcess("a/network", opener=OPENER) as engine:
        monkeypatch.setattr("ablate.deploy.process.receive", nonsense)
        monkeypatch.setattr("ablate.deploy.process._LAST_SECONDS", 0.1)
        with pytest.raises(DataError, match="a/network had its process answer what cannot be read"):
            engine.logits(IMAGES)


def test_threads_are_handed_on() -> None:
    """As the library's own setting."""
    with EngineProcess("a/network", opener=OPENER, threads=2) as engine:
        np.testing.assert_array_equal(engine.logits(IMAGES), np.full((2, 3), 3, np.float32))


def test_frames_come_back_as_they_were_sent() -> None:
    """Data and arrays, also empty ones; half a frame is the end of the other side."""
    stream = io.BytesIO()
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 3), np.float32)]
    frames.send(stream, {"ä": [1, None]}, arrays)
    whole = stream.getvalue()

    found = frames.receive(io.BytesIO(whole))
    assert found.content == {"ä": [1, None]}
    for sent, got in zip(arrays, found.arrays, strict=True):
        np.testing.assert_array_equal(sent, got)
    for cut in (0, 5, len(whole) - 1):
        with pytest.raises(EOFError):
            frames.receive(io.BytesIO(whole[:cut]))


def test_the_worker_answers_frame_by_frame() -> None:
    """In this process: opening, answers, times, errors, the end."""
    asked, answered = io.BytesIO(), io.BytesIO()
    frames.send(asked, {"opener": OPENER, "path": "a/broken", "threads": 1})
    frames.send(asked, {"opener": OPENER, "path": "a/refused", "threads": 1})
    frames.send(asked, {"opener": OPENER, "path": "a/network", "threads": 1})
    frames.send(asked, {}, [IMAGES])
    frames.send(asked, {"calls": 2, "at_most": 9.0}, [IMAGES])
    asked.seek(0)

    serve(asked, answered)

    answered.seek(0)
    broken, refused, opened, logits, times = (frames.receive(answered) for _ in range(5))
    assert broken.content["message"] == "RuntimeError: no such operator"
    assert refused.content["error"] == "DataError"
    assert (opened.content["engine"], opened.content["shape"]) == ("torch", None)
    assert logits.arrays[0].shape == (2, 3)
    assert len(times.content["seconds"]) == 2
    assert times.content["peak"] == pytest.approx(peak_bytes(), rel=0.5)
