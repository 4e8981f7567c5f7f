"""The line that `run` prints when the data were checked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ablate.cli import show
from ablate.cli.show import Watch
from ablate.execute.live import HEARTBEAT
from ablate.files import write_text
from ablate.harness import data_check
from ablate.harness.progress import Progress


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (Progress(total=0, kind="prepared", images=1200), "1,200 images decoded, every variant"),
        (
            Progress(total=0, kind="prepared", images=117, unreadable=("a/broken.png", "b.png", "c.png")),
            "117 images decoded, 3 unreadable left out (first: a/broken.png), every variant",
        ),
        (Progress(total=0, kind="prepared", images=500, decodes=False), "500 images listed; the command is not tried"),
        (Progress(total=0, kind="prepared"), "every image decoded, every variant"),
    ],
)
def test_images_that_were_left_out_are_not_called_decoded(
    progress: Progress, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken files are counted and the first is named, before anything is trained without them."""
    Watch("accuracy")(progress)

    assert f"Checked the data: {told}" in " ".join(capsys.readouterr().err.split())


def test_the_time_left_is_told_from_the_speed_of_decoding_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the minutes in which files were listed and hashed: nothing is told before the second news."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(data_check, "time", SimpleNamespace(monotonic=lambda: clock.now))
    told: list[Progress] = []
    decoding = data_check._Decoding(told.append)
    for clock.now, done in ((100.0, 1), (110.0, 1001), (120.0, 2001)):
        write_text(tmp_path / HEARTBEAT, f"0 {done - 1} 5001")
        decoding.watch(tmp_path)

    assert [(one.done, one.seconds_left) for one in told] == [(1, None), (1001, 40.0), (2001, 30.0)]


def test_no_line_about_decoding_before_the_time_left_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first image says nothing of how long the others take."""
    monkeypatch.setattr(show, "DECODING_SECONDS", 0.0)

    Watch("accuracy")(Progress(total=40_000, done=1, kind="decoding"))

    assert capsys.readouterr().err == ""
