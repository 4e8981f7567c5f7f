"""Clips: videos, or folders of numbered frames, of which a fixed number of frames is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ablate.settings import DataPath, NotIdentity, Settings
from ablate.training.config.bounds import Count


class VideoFolder(Settings):
    """A folder of clips, one sub-folder per class: `root/<class>/*`, or `root/<part>/<class>/*` with `train`.

    A clip is a video file (mp4, avi, mkv, webm, gif) or a folder of numbered frames.
    """

    name: Literal["video_folder"]
    root: DataPath[str]
    """Path of the folder, below the current folder or absolute."""
    train: str | None = None
    """Sub-folder of the clips to train on, where the folder holds the parts of a split."""
    val: str | None = None
    """Sub-folder of the source's own validation part; its clips join those to train on."""
    test: str | None = None
    """Sub-folder of the source's own labelled test part, for `evidence.test: official`."""

    @model_validator(mode="after")
    def _names_both_parts(self) -> VideoFolder:
        for key in ("val", "test"):
            if getattr(self, key) is not None and self.train is None:
                raise ValueError(f"source.{key} is given without source.train; name both parts, or neither")
        return self


class Clip(Settings):
    """Which frames of a clip are kept: so many, from the middle of the clip, each resized to a square."""

    frames: Annotated[int, Field(ge=1, le=1024)] = 16
    """Number of frames; 1 is the frame in the middle, which networks for images take."""
    every: Count = 1
    """Every second frame is 2, and so on. In a clip of variable frame rate: at even times, of its usual frame rate."""
    size: NotIdentity[Annotated[int, Field(ge=4, le=4096)] | None] = None
    """Side of the square in pixels, in the place of `data.image_size`."""
    short: Literal["error", "loop", "skip"] = "error"
    """What is done with a clip of fewer frames. error: refused by name. loop: begun again. skip: left out, which is
    said; with another `frames` other clips may be left out."""


def with_image_size(data: Any) -> Any:
    """The block `data` with `clip.size` as its `image_size`. Raises ValueError where they differ or are not there."""
    clip = data.get("clip") if isinstance(data, dict) else None
    size = clip.get("size") if isinstance(clip, dict) else getattr(clip, "size", None)
    if size is None:
        source = data.get("source") if isinstance(data, dict) and "image_size" not in data else None
        if clip is None and isinstance(source, dict) and source.get("name") == "video_folder":
            raise ValueError(
                "clip is null, and source video_folder needs it; write clip: {frames: 16, every: 2, size: 112}"
            )
        return data
    if data.get("image_size", size) != size:
        raise ValueError(f"image_size ({data['image_size']}) is not clip.size ({size}); give one of them")
    return {**data, "image_size": size}
