"""Clips from a folder to an answer: listed, decoded once, kept together by recording, trained on, looked at."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn

from ablate.errors import DataError, NotInstalled, SettingError, TrainerError
from ablate.execute.inline import InlineExecutor
from ablate.files import build_once
from ablate.records import Finished, RunSpec
from ablate.settings import identity_of
from ablate.splits.rules import Protocol, Replicate, Share
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.training import check_config, examine, explain, predict, retest, thumbnails
from ablate.training.compress.export import program_of
from ablate.training.config import Augment, Config, CutMix
from ablate.training.data.augment import augment_batch
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.origin_names import notes_on_names
from ablate.training.data.parts import First, split_images
from ablate.training.models import make_network, prune_as_asked
from ablate.training.seeding import StepRandom
from ablate.training.techniques.mixing import mix_images
from ablate.workflows.predict import images_in
from ablate.workflows.reopened_run import reopened
from tests.training_builders import ALL_AUGMENT, a_spec, a_task, carried_out, finished
from tests.video_fixtures import frame_pixels, write_classes, write_frames, write_lossless, write_video

SMALL = {"name": "vgg3d", "blocks": [1, 1], "width": 4, "head": {"name": "gap"}}
OF_CLIPS = Protocol(test=Share(share=6), val=4)
VGG11 = 9_220_480
"""Parameters of VGG11's convolutions on colour images: the published network without its linear layers."""


def a_config(root: Path | str = "clips", model: Mapping[str, Any] = SMALL, **more: Any) -> Config:
    """Clips of four frames at 8 pixels; `clip` and `data` are merged."""
    clip = {"frames": 4, "size": 8} | more.pop("clip", {})
    data = {"source": {"name": "video_folder", "root": str(root)}, "classes": 2, "train": 14, "clip": clip}
    whole = {"data": data | more.pop("data", {}), "model": model, "optimizer": {"name": "adam", "lr": 1e-2}}
    return Config.model_validate({**whole, "batch_size": 4, "epochs": 2, "device": "cpu", **more})


def _cached(work: Path) -> Any:
    return lambda key, build: build_once(work / key, build)


def decoded(config: Config, work: Path) -> DecodedImages:
    return load_images(config.data, _cached(work))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of twelve clips, of two a recording."""
    return write_classes(tmp_path_factory.mktemp("data") / "clips")


@pytest.fixture(scope="module")
def trained(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSpec, Finished]:
    """A finished run on them."""
    work = tmp_path_factory.mktemp("work")
    spec = a_spec(a_config(clips), protocol=OF_CLIPS)
    attempt = carried_out(InlineExecutor(), a_task(work, spec))
    return work, spec, finished(read_result(attempt))


# --- settings ---------------------------------------------------------------------------------


def test_the_size_of_a_clip_is_the_image_size() -> None:
    """Either says it; a run has the same identity whichever does."""
    by_clip = a_config(clip={"size": 16})
    by_data = a_config(clip={"size": None}, data={"image_size": 16})

    assert by_clip.data.image_size == by_data.data.image_size == 16
    assert by_clip.data.input_shape == (3, 64, 16)
    assert identity_of(by_clip) == identity_of(by_data)


def test_images_have_the_identity_they_had_before_there_were_clips() -> None:
    """The block that is off is no part of it."""
    from tests.training_builders import a_config as of_images

    assert "clip" not in identity_of(of_images())["data"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"image_size": 9}, "is not clip.size"),
        ({"clip": None, "image_size": 8}, "source video_folder needs it"),
        ({"source": {"name": "digits"}}, "source digits has images"),
        ({"reader": "my.io:read"}, "clips are read by PyAV"),
        ({"resize": "device"}, "use resize: pil"),
        ({"multi_label": True}, "use source csv"),
        ({"source": {"name": "video_folder", "root": "x", "val": "val"}}, "without source.train"),
    ],
)
def test_settings_that_do_not_go_with_clips_are_refused(data: dict[str, Any], words: str) -> None:
    """Each with the setting to change."""
    with pytest.raises(ValidationError, match=words):
        a_config(data=data)


@pytest.mark.parametrize(
    ("model", "frames", "words"),
    [
        ({"name": "resnet18"}, 4, "resnet18\\) is a network for images, and data.clip.frames is 4"),
        ({"name": "resnet18"}, 1, ""),
        (SMALL, 1, ""),
        ({"name": "frames_lstm", "blocks": [1]}, 4, ""),
    ],
)
def test_networks_for_images_take_single_frames_alone(model: dict[str, Any], frames: int, words: str) -> None:
    """One frame is an image; of several a network has to know."""
    config = a_config(model=model, clip={"frames": frames, "size": 32})
    if not words:
        check_config(config, OF_CLIPS)
        return
    with pytest.raises(SettingError, match=words):
        check_config(config, OF_CLIPS)


def test_a_network_for_clips_is_not_given_images() -> None:
    """Without a clip block it has no frames to look at."""
    from tests.training_builders import a_config as of_images

    with pytest.raises(SettingError, match=r"is a network for clips, and data\.clip is null"):
        check_config(of_images(model=SMALL), OF_CLIPS)


def test_what_needs_an_exported_file_is_refused() -> None:
    """INT8-aware training would round nothing that a file could hold."""
    with pytest.raises(SettingError, match="networks of clips are not exported"):
        check_config(a_config(quantization_aware={"bits": 8}), OF_CLIPS)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda network, config: program_of(network, config), "networks of clips cannot be exported yet"),
        (lambda network, config: prune_as_asked(network, config), "it is given clips"),
    ],
)
def test_networks_of_clips_are_neither_exported_nor_pruned(
    attempt: Callable[[nn.Module, Config], object], words: str
) -> None:
    """Each says why; nothing is written."""
    network = make_network(a_config())
    pruned = a_config(weights={"file": "w.safetensors", "prune": {"channels": 0.5}})

    with pytest.raises(TrainerError, match=words):
        attempt(network, pruned)


# --- networks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # 27 * 3 * 64 + 64, and so on by block: 5,248; 221,312; 884,992 + 1,769,728; 3,539,456 + 7,078,400;
        # 2 * 7,078,400; then 25,088 * 4,096 + 4,096, 4,096 * 4,096 + 4,096 and 4,096 * 101 + 101.
        ({"name": "vgg3d", "head": {"name": "fc", "hidden": [4096, 4096]}}, 147_615_589),
        # the same convolutions, and 512 * 101 + 101
        ({"name": "vgg3d", "head": {"name": "gap"}}, 27_655_936 + 51_813),
        # two numbers more for each of 2,752 channels
        ({"name": "vgg3d", "norm": {"name": "batch"}, "head": {"name": "gap"}}, 27_655_936 + 51_813 + 5_504),
        # an LSTM has four gates, each with weights from 512 and from 256 numbers and two biases
        ({"name": "frames_lstm"}, VGG11 + 4 * 256 * (512 + 256 + 2) + 256 * 101 + 101),
        ({"name": "frames_lstm", "pool": 2, "hidden": 64}, VGG11 + 4 * 64 * (2048 + 64 + 2) + 64 * 101 + 101),
    ],
)
def test_parameters_are_those_of_a_calculation_by_hand(model: dict[str, Any], expected: int) -> None:
    """To the digit, for 101 classes and clips of 16 frames at 112 pixels."""
    config = a_config(model=model, clip={"frames": 16, "size": 112}, data={"classes": 101})
    with torch.device("meta"):
        network = make_network(config)

    assert sum(one.numel() for one in network.parameters()) == expected
    assert network(torch.empty(2, 3, 16 * 112, 112, device="meta")).shape == (2, 101)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 16])
def test_parameters_do_not_depend_on_the_number_of_frames(frames: int) -> None:
    """So a single frame and a clip are compared with the same network."""
    config = a_config(model={"name": "vgg3d", "head": {"name": "gap"}}, clip={"frames": frames, "size": 32})
    with torch.device("meta"):
        network = make_network(config)

    assert sum(one.numel() for one in network.parameters()) == 27_655_936 + 512 * 2 + 2
    assert network(torch.empty(2, 3, frames * 32, 32, device="meta")).shape == (2, 2)


@pytest.mark.parametrize("model", [SMALL, {"name": "frames_lstm", "blocks": [1], "width": 4, "hidden": 8}])
def test_the_order_of_the_frames_changes_the_logits(model: dict[str, Any]) -> None:
    """A network that did not see it could not tell a motion from its opposite."""
    config = a_config(model=model)
    torch.manual_seed(0)
    network = make_network(config).eval()
    clip = torch.randn(1, 3, 4, 8, 8)

    forwards, backwards = (network(one.flatten(2, 3)) for one in (clip, clip.flip(2)))

    assert not torch.allclose(forwards, backwards)


def test_he_initialisation_reaches_convolutions_over_time() -> None:
    """Their variance is 2 / fan-in, and fan-in counts the three frames of a kernel."""
    config = a_config(model=SMALL | {"width": 64, "init": "he"})
    weights = make_network(config).get_parameter("features.conv2_1.weight").detach()

    assert float(weights.var() * weights[0].numel()) == pytest.approx(2, rel=0.05)


def test_a_network_by_name_is_given_a_dimension_of_time() -> None:
    """torchvision's for video take (N, C, T, H, W)."""
    config = a_config(model={"name": "torchvision:r3d_18"}, clip={"frames": 4, "size": 16})
    with torch.device("meta"):
        network = make_network(config).eval()

    assert network(torch.empty(2, 3, 64, 16, device="meta")).shape == (2, 2)


# --- changes to the pixels --------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ALL_AUGMENT if name not in ("noise", "salt_and_pepper")])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_augmentation_is_drawn_once_a_clip(name: str, channels: int) -> None:
    """A still clip stays one: every frame is what the image alone becomes by the same draws."""
    frames, mean = 3, torch.full((channels, 1, 1), 0.5)
    config = Augment.model_validate({name: ALL_AUGMENT[name]})
    images = torch.randint(0, 256, (6, channels, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    draws = StepRandom(Replicate(index=0), 0, 0)

    alone = augment_batch(images, config, draws, mean=mean)
    clips = augment_batch(images.repeat(1, 1, frames, 1), config, draws, mean=mean, frames=frames)

    assert clips.dtype == alone.dtype
    torch.testing.assert_close(clips, alone.repeat(1, 1, frames, 1))


def test_noise_is_drawn_for_every_frame() -> None:
    """As a camera's is."""
    config = Augment.model_validate({"noise": {"std": 0.1}})
    still = torch.full((2, 3, 16, 8), 128, dtype=torch.uint8)
    first, second = augment_batch(still, config, StepRandom(Replicate(index=0), 0, 0), frames=2).split(8, 2)

    assert not torch.equal(first, second)


def test_cutmix_cuts_one_rectangle_through_all_frames() -> None:
    """What comes from the partner is the same in each."""
    clips = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 3 * 8, 8).contiguous()
    mixing = CutMix(name="cutmix")
    images, _ = mix_images(clips, torch.arange(4), mixing, classes=4, rng=np.random.default_rng(3), frames=3)
    single = images.unflatten(2, (3, 8))

    assert torch.equal(single[:, :, 0], single[:, :, 1])
    assert torch.equal(single[:, :, 0], single[:, :, 2])
    assert not torch.equal(single[:, :, 0], clips[:, :, :8])


# --- from folders -----------------------------------------------------------------------------


def test_clips_are_listed_by_class_and_decoded_once(tmp_path: Path) -> None:
    """Videos at any depth and folders of frames; what is neither is told."""
    root = tmp_path / "clips"
    write_video(root / "left" / "a.mp4")
    write_frames(root / "left" / "b", range(6))
    write_video(root / "right" / "deeper" / "c.webm", shift=40)
    write_frames(root / "right" / "deeper" / "d", range(6), shift=40)
    (root / "left" / "poster.jpg").write_bytes(b"")
    (root / "left" / "notes.txt").write_text("by hand")
    images = decoded(a_config(root), tmp_path)

    assert images.ids == ("left/a.mp4", "left/b", "right/deeper/c.webm", "right/deeper/d")
    assert images.targets.tolist() == [0, 0, 1, 1]
    assert images.pixels.shape == (4, 32, 8, 3)
    assert isinstance(images.pixels, np.memmap)
    assert [note for note in images.notes if "poster.jpg" in note and "notes.txt" in note]


def test_all_that_is_wrong_with_clips_is_one_error_before_training(tmp_path: Path) -> None:
    """Each by its name and reason, and what may be done about short ones."""
    root = write_classes(tmp_path / "clips", 2)
    write_video(root / "left" / "short.mp4", frames=3)
    (root / "right" / "text.mp4").write_text("no video")

    with pytest.raises(DataError) as refused:
        decoded(a_config(root), tmp_path)

    assert "2 clips cannot be read" in refused.value.message
    assert "left/short.mp4: too short: 3 frames, where clip asks for 4" in refused.value.message
    assert "right/text.mp4: not a video, or a damaged one" in refused.value.message
    assert "data.clip.short: loop or skip" in refused.value.hint


def test_short_clips_alone_may_be_left_out(tmp_path: Path) -> None:
    """skip: that is noted; a damaged one is refused as ever."""
    root = write_classes(tmp_path / "clips", 2)
    write_video(root / "left" / "short.mp4", frames=3)
    images = decoded(a_config(root, clip={"short": "skip"}), tmp_path)
    (root / "right" / "text.mp4").write_text("no video")

    assert len(images.ids) == 4
    assert "1 clip left out as unreadable: left/short.mp4 (too short" in images.notes[0]
    with pytest.raises(DataError, match="1 clip cannot be read"):
        decoded(a_config(root, clip={"short": "skip"}), tmp_path)


def test_what_is_handled_is_told(tmp_path: Path) -> None:
    """Rotated, uneven and repeated clips are used, and a note says so."""
    root = write_classes(tmp_path / "clips", 2)
    write_video(root / "left" / "phone.mp4", rotation=90)
    write_video(root / "left" / "phone2.mp4", rotation=-90, shift=30)
    write_video(root / "left" / "screen.mkv", times=[*range(5), *range(8, 23)], shift=60)
    write_video(root / "right" / "brief.mkv", frames=3)
    notes = decoded(a_config(root, clip={"short": "loop"}), tmp_path).notes

    assert "2 clips are turned by their display matrix, shown upright: left/phone.mp4, left/phone2.mp4" in notes
    assert "1 clip has a variable frame rate; its frames are taken at even times: left/screen.mkv" in notes
    assert "1 clip is too short and begins again (clip.short: loop): right/brief.mkv" in notes


def test_videos_without_their_source_or_clip_block_are_told_of_it(clips: Path, tmp_path: Path) -> None:
    """Folders of videos that were named as images, and a source of clips without `clip`."""
    as_images = {"source": {"name": "image_folder", "root": str(clips)}, "clip": None, "image_size": 8}
    with pytest.raises(DataError) as refused:
        decoded(a_config(clips, data=as_images), tmp_path)
    assert "data.source: {name: video_folder" in refused.value.hint

    with pytest.raises(ValidationError, match="clip is null, and source video_folder needs it"):
        a_config(clips, data={"clip": None})


def test_a_class_without_a_clip_is_named(tmp_path: Path) -> None:
    """An image that lies directly in the folder of a class is no clip."""
    root = write_classes(tmp_path / "clips", 2)
    Image.new("RGB", (4, 4)).save(tmp_path / "1.png")
    (root / "empty").mkdir()
    (tmp_path / "1.png").rename(root / "empty" / "1.png")

    with pytest.raises(DataError, match=r"class folder .*empty holds no clip, but files of other kinds") as refused:
        decoded(a_config(root, data={"classes": 3}), tmp_path)

    assert "or add clips (.mp4, .avi" in refused.value.hint


def test_without_pyav_the_extra_is_named(clips: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything is listed."""
    monkeypatch.setattr("ablate.errors.find_spec", lambda name: None)

    with pytest.raises(NotInstalled, match="this needs av") as refused:
        decoded(a_config(clips), tmp_path)

    assert "pip install '.[video]'" in refused.value.hint


def test_a_changed_clip_is_another_data_set(tmp_path: Path) -> None:
    """The digest is of the files' bytes; other frames of the same files are another copy, not other data."""
    root = write_classes(tmp_path / "clips", 2)
    before, single = decoded(a_config(root), tmp_path), decoded(a_config(root, clip={"frames": 1}), tmp_path)
    write_video(root / "left" / "rec0_0.mkv")
    after = decoded(a_config(root), tmp_path)

    assert before.digest == single.digest != after.digest
    assert single.pixels.shape == (4, 8, 8, 3)
    assert np.array_equal(single.pixels[1], before.pixels[1, 8:16])


@pytest.mark.parametrize("kind", ["videos", "folders"])
def test_equal_clips_are_the_same_ones_whichever_frames_are_kept(tmp_path: Path, kind: str) -> None:
    """Variants with other frames are split alike: all frames count, not only the one in the middle."""
    root = tmp_path / "clips"
    for label in ("left", "right"):  # the frame in the middle of all of them is equal
        for number in range(2):
            shift = [10 * number + (5 if label == "left" else 0)] * 9
            shift[4] = 0
            write_one = _write_shifted_video if kind == "videos" else _write_shifted_folder
            write_one(root / label / f"clip{number}", shift)
    write_one(root / "left" / "copy", [5, 5, 5, 5, 0, 5, 5, 5, 5])
    found = [
        decoded(a_config(root, clip={"frames": frames, "every": every}), tmp_path)
        for frames, every in ((1, 1), (3, 1), (8, 1), (3, 4))
    ]

    assert {tuple(one.groups.tolist()) for one in found} == {(0, 1, 0, 3, 4)}


def _write_shifted_video(path: Path, shifts: list[int]) -> None:
    pixels = np.stack([frame_pixels(number, shift=shift) for number, shift in enumerate(shifts)])
    write_lossless(path.with_suffix(".mkv"), pixels)


def _write_shifted_folder(path: Path, shifts: list[int]) -> None:
    path.mkdir(parents=True)
    for number, shift in enumerate(shifts):
        Image.fromarray(frame_pixels(number, shift=shift)).save(path / f"{path.name}_{number}.png")


def test_clips_of_one_recording_stay_in_one_part(clips: Path, tmp_path: Path) -> None:
    """`data.groups` names the recording: none of them is trained and tested on."""
    config = a_config(clips, data={"groups": "(rec\\d+)", "train": 0.5})
    images = decoded(config, tmp_path)
    protocol = Protocol(test=Share(share=0.3), val=None)
    parts = split_images(config.data, First(protocol), images)
    recordings = [{images.ids[index].split("/")[1].split("_")[0] for index in part} for part in (parts.fit, parts.test)]

    assert recordings[0]
    assert recordings[1]
    assert not recordings[0] & recordings[1]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("v_Biking_g{recording:02}_c{clip:02}", r"(.+_g\d+)_c\d+"),
        ("recording{recording}-{clip}", r"((?:recording)[-_ ]?\d+)"),
        ("walk_video{recording}_{clip}", r"((?:video)[-_ ]?\d+)"),
    ],
)
def test_names_of_recordings_are_recognised(name: str, pattern: str) -> None:
    """The line to add to the study is printed, before anything is decoded."""
    ids = [f"{label}/{name.format(recording=n, clip=c)}.avi" for label in "ab" for n in range(5) for c in range(4)]
    (note,) = notes_on_names(ids, 2)

    assert pattern in note
    assert "data.groups" in note


# --- a finished run ---------------------------------------------------------------------------


def test_stored_weights_give_the_recorded_metrics_again(trained: tuple[Path, RunSpec, Finished]) -> None:
    """To the bit, as for images."""
    work, spec, result = trained

    with reopened(spec, Store(work)) as once_more:
        assert retest(spec, result, once_more) == result.metrics


def test_a_file_is_predicted_as_it_was_tested(trained: tuple[Path, RunSpec, Finished], clips: Path) -> None:
    """The probabilities of the run's own table, from the file of a clip; a damaged one says why."""
    work, spec, result = trained
    assert result.images is not None
    with np.load(result.folder / result.images) as stored:
        ids, probabilities = stored["id"].tolist(), stored["prob"]
    wrong = work / "wrong.mp4"
    wrong.write_text("no video")
    *found, refused = predict(spec, result, [*(clips / name for name in ids), wrong])

    assert isinstance(refused, DataError)
    assert "Give whole video files" in refused.hint
    rows = [list(one.values()) for one in found if not isinstance(one, DataError)]
    np.testing.assert_allclose(rows, probabilities, atol=2e-3)


def test_a_request_holds_videos_and_folders_of_frames(tmp_path: Path) -> None:
    """Below a folder each is one clip; a folder without any is refused in words of clips."""
    from ablate.readers.image_folders import is_video

    write_video(tmp_path / "new" / "a.mp4")
    write_frames(tmp_path / "new" / "b", range(3))
    (tmp_path / "none").mkdir()

    assert images_in([tmp_path / "new"], takes=is_video, clips=True) == [tmp_path / "new/a.mp4", tmp_path / "new/b"]
    with pytest.raises(DataError, match="holds no clip"):
        images_in([tmp_path / "none"], takes=is_video, clips=True)


def test_a_report_shows_a_clip_as_a_strip(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four frames side by side, from the copy that runs have decoded."""
    monkeypatch.setattr("ablate.training.data.listing.FRESH_SECONDS", 0.0)
    decoded(a_config(clips), tmp_path)
    found = thumbnails(a_config(clips), ["left/rec0_0.mkv"], lambda key: tmp_path / key)

    assert Image.open(io.BytesIO(found["left/rec0_0.mkv"])).size == (144, 33)


def test_a_look_at_the_data_counts_and_draws_clips(clips: Path, tmp_path: Path) -> None:
    """Sizes as stored, kinds by codec, samples as strips."""
    found = examine(a_config(clips), OF_CLIPS, _cached(tmp_path))

    assert found.sizes == {(16, 16): 24}
    assert found.formats == {"ffv1": 24}
    assert found.sample_shape == (8, 35, 3)
    assert len(found.samples["left"][0]) == 8 * 35 * 3
    assert len(found.samples["left"]) == 2


def test_a_look_into_a_run_leaves_out_maps_and_says_so(trained: tuple[Path, RunSpec, Finished]) -> None:
    """Answers as strips, features and neighbours; no Grad-CAM."""
    work, spec, result = trained
    with reopened(spec, Store(work)) as once_more:
        found = explain(spec, result, once_more, None)

    assert found.grid[0].image.pixels.shape == (8, 35, 3)
    assert found.maps is None
    assert found.heatmaps == ()
    assert found.neighbours
    assert "Grad-CAM and feature maps are of single images" in found.not_done[0]
