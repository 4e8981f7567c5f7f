"""Folders of clips, one sub-folder per class: video files, and folders of numbered frames."""

from __future__ import annotations

import os
from pathlib import Path

from ablate.readers.image_folders import VIDEOS, is_image, is_video
from ablate.training.config.clips import VideoFolder
from ablate.training.data.file_tree import File, FoundImages
from ablate.training.data.folders import Wanted, find_image_folder, list_image_folder
from ablate.training.data.listing import Listing
from ablate.training.data.video import refuse_without_reader

SUCH_AS = "*.mp4"


def find_video_folder(source: VideoFolder) -> Path:
    """Where it is. Raises DataMissing."""
    return find_image_folder(source, SUCH_AS)


def list_video_folder(source: VideoFolder) -> Listing:
    """A sub-folder a class, whose names are the classes'; in one folder, or in those of the parts.

    Raises NotInstalled without PyAV, FlawedListing where class folders are empty.
    """
    refuse_without_reader()
    endings = f"{', '.join(VIDEOS)}, or a folder of numbered frames each"
    return list_image_folder(source, Wanted("clip", SUCH_AS, endings, "", _is_part_of_a_clip, clips_among))


def clips_among(found: FoundImages) -> FoundImages:
    """Videos as they are, and folders of frames in the place of the frames; images beside them are nobody's clip."""
    clips: dict[str, File] = {}
    ignored = list(found.ignored)
    for file in found.images:
        folder = os.path.dirname(file.path)
        if is_video(os.path.basename(file.path)):
            clips[file.name] = file
        elif folder == found.folders[0]:  # an image directly in the folder of a class
            ignored.append(file.name)
        else:
            name = file.name.rpartition("/")[0]
            clips.setdefault(name, File(name, folder))
    return found._replace(images=list(clips.values()), ignored=ignored)


def _is_part_of_a_clip(name: str) -> bool:
    return is_video(name) or is_image(name)
