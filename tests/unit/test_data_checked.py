"""The line that `run` prints when the data were checked."""

from __future__ import annotations

import pytest

from ablate.cli.show import Watch
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
