"""Write what each shipped study costs into the tables of README, README.zh-CN and docs/shipped_studies.md.

Everything is counted from the studies' own plans, but for what no file says: how many images a set has, what a
download weighs, how fast a card was, and the processor time that a small version took when it was run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ablate.splits.rules import Folds, Share
from ablate.study.load import load_study
from ablate.study.plan import Plan, make_plan
from ablate.study.study import Study

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
PLACES = {"README.md": "en", "README.zh-CN.md": "zh", "docs/shipped_studies.md": "en"}

VGG16_WEIGHTS = 553_433_881
"""Bytes of torchvision's file."""
EPOCH_SECONDS = (12.4 + 14.8) / 2
"""Published for an epoch of `one-layer head` of studies/hollywood.yaml on an RTX 4070, 12.4 to 14.8 s: 1,620 images and
a test of 180, decoding included."""
SMALL_EPOCH_SECONDS = 27.0
"""Published for an epoch of studies/cifar10_vgg16net.yaml on a card of 6 GB: 50,000 images of 32x32 and a test of
10,000."""


class Facts(NamedTuple):
    """What is not in a study's file. Texts are in English and Chinese."""

    asks: tuple[str, str]
    data: tuple[str, str]
    images: int
    """Labelled images in all."""
    test: int | None = None
    """Of them the source's own test part."""
    stored: int = 0
    """Bytes of the data as they lie on the disk after the download, weights from elsewhere included."""
    small_images: int | None = None
    """As `images`, and as `test`, of the small version's stand-in; null: on the data themselves."""
    small_test: int | None = None
    small_on: tuple[str, str] = ("", "")
    small_seconds: float = 0.0
    """Processor seconds of `ablate run STUDY --small`, all its processes, on one AMD EPYC core of 2026."""


DRAWN = ("drawn portraits", "绘制的人像")
FACTS: Mapping[str, Facts] = {
    "quickstart": Facts(
        asks=("five changes to a small VGG on few training scans", "少量训练扫描图上小型 VGG 的五项改动"),
        data=("scikit-learn's digits, included", "scikit-learn 自带的手写数字"),
        images=1797,
        small_on=("the same scans", "同样的扫描图"),
        small_seconds=39,
    ),
    "hollywood": Facts(
        asks=("VGG16 on 17 actors: BN, dropout, more images, GAP head, weight decay",
              "VGG16 识别 17 位演员：BN、dropout、更多图像、GAP 头、权重衰减"),
        data=("your own folder", "你自己的文件夹"),
        images=1800,
        stored=VGG16_WEIGHTS,
        small_on=DRAWN,
        small_seconds=170,
    ),
    "cifar10_vgg16": Facts(
        asks=("VGG16 at 224x224: 18 improvements a tutorial names", "224x224 的 VGG16：教程提到的 18 项改进"),
        data=("CIFAR-10, downloaded", "CIFAR-10，自动下载"),
        images=60_000,
        test=10_000,
        stored=170_498_071 + 186_214_000 + VGG16_WEIGHTS,
        small_on=("CIFAR-10; without it `--stand-in --small`", "CIFAR-10；没有时用 `--stand-in --small`"),
    ),
    "cifar10_vgg16net": Facts(
        asks=("a home-made VGG for 32x32: its layer order, norm and dropout", "自制 32x32 VGG：层序、归一化、dropout"),
        data=("CIFAR-10, downloaded", "CIFAR-10，自动下载"),
        images=60_000,
        test=10_000,
        stored=170_498_071 + 186_214_000,
        small_seconds=104,
        small_on=("CIFAR-10; without it `--stand-in --small`", "CIFAR-10；没有时用 `--stand-in --small`"),
    ),
    "finetune": Facts(
        asks=("a fine-tuning recipe, part by part", "一份微调方案，逐项检验"),
        data=("Oxford-IIIT Pet, downloaded", "Oxford-IIIT Pet，自动下载"),
        images=7349,
        test=3669,
        stored=2 * (791_918_971 + 19_173_078) + VGG16_WEIGHTS,
        small_images=37 * 40,
        small_test=37 * 24,
        small_seconds=154,
        small_on=DRAWN,
    ),
    "food11": Facts(
        asks=("25 lessons of a course on its own homework", "一门课程的 25 条经验，用它自己的作业检验"),
        data=("Food-11, your own copy", "Food-11，你自己的副本"),
        images=13_296,
        test=3430,
        small_images=11 * 150,
        small_test=11 * 40,
        small_seconds=297,
        small_on=DRAWN,
    ),
    "image_text": Facts(
        asks=("whether a caption adds to the image, and either is enough alone", "文字说明能否补充图像"),
        data=("your own table of images and texts", "你自己的图文表格"),
        images=480,
        small_on=("drawn portraits with captions", "绘制的人像及其文字说明"),
        small_seconds=40,
    ),
    "video": Facts(
        asks=("a motion in one frame, in eight, and by an LSTM", "单帧、八帧与 LSTM 各能看出多少运动"),
        data=("clips, your own folder", "你自己文件夹中的视频片段"),
        images=240,
        small_on=("drawn clips", "绘制的片段"),
        small_seconds=25,
    ),
}  # fmt: skip


class Work(NamedTuple):
    """What a plan comes to up to a look."""

    runs: int
    flops: float
    """Floating-point operations, two a multiply-add."""
    passes: int
    """Images that go forward and backward."""
    weights: int
    """Bytes of the weights that are kept."""


def facts_of(path: Path) -> Facts:
    """The facts of a shipped study. Raises KeyError with what to do for one that has none."""
    if path.stem not in FACTS:
        raise KeyError(f"studies/{path.name} has no price: add {path.stem!r} to FACTS in tests/docs/prices.py")
    return FACTS[path.stem]


def work_of(study: Study, facts: Facts, *, look: int) -> Work:
    """Of all runs up to a look, counted from 1; frozen parts count as if trained, rows made of others not at all."""
    plan = make_plan(study)
    single = [_work_of_run(study, plan, variant.config, facts) for variant in plan.variants]
    return Work(*(plan.looks[look - 1] * sum(values) for values in zip(*single, strict=True)))


def _work_of_run(study: Study, plan: Plan, config: Mapping[str, Any], facts: Facts) -> Work:
    forward, parameters = _network(study, config)
    images, epochs, attack = _images(plan, config, facts), config["epochs"], config.get("adversarial")
    tests = epochs if plan.protocol.watch_test else 1
    attacked = 3 * (config.get("robustness") or {"steps": 0})["steps"] * images.test
    trained = 3 * (1 + (attack["steps"] if attack else 0)) * epochs * images.fit
    operations = trained + epochs * images.val + tests * images.test + attacked
    return Work(runs=1, flops=operations * forward, passes=epochs * images.fit, weights=4 * parameters)


_NETWORKS: dict[str, tuple[float, int]] = {}
"""What is known of networks by now."""


def _network(study: Study, config: Mapping[str, Any]) -> tuple[float, int]:
    """FLOPs of an image's forward pass, and parameters."""
    network = {key: config.get(key) for key in ("model", "freeze")}
    key = json.dumps([study.trainer.path, network, {**config["data"], "train": None}], sort_keys=True)
    if key not in _NETWORKS:
        assert study.trainer.describe is not None
        described = study.trainer.describe(study.trainer.config.model_validate(config))
        _NETWORKS[key] = float(described.flops), int(described.parameters)
    return _NETWORKS[key]


class _Parts(NamedTuple):
    fit: int
    val: int
    test: int


def _images(plan: Plan, config: Mapping[str, Any], facts: Facts) -> _Parts:
    rule, whole = plan.protocol.test, facts.images
    match rule:
        case Folds(count=count):
            test = round(whole / count)
        case Share(share=share):
            test = _count(share, whole)
        case _:
            test = facts.test or 0
    train, val = config["data"].get("train", "all"), _count(plan.protocol.val or 0, whole)
    part = whole - test if train == "all" else _count(train, whole)
    return _Parts(fit=part - val, val=val, test=test)


def _count(share: float, whole: int) -> int:
    return int(share) if share >= 1 else round(share * whole)


def speed(side: int) -> float:
    """FLOP/s that a source reached on its card, from its published seconds and the work of an epoch of it."""
    if side >= 224:
        return _speed("hollywood", "one-layer head", 3 * 1620 + 180, EPOCH_SECONDS)
    return _speed("cifar10_vgg16net", "baseline", 3 * 50_000 + 10_000, SMALL_EPOCH_SECONDS)


def _speed(name: str, variant: str, passes: int, seconds: float) -> float:
    study = load_study(ROOT / "studies" / f"{name}.yaml")
    return _network(study, make_plan(study).variant(variant).config)[0] * passes / seconds


def small_work(path: Path) -> Work:
    """What the small version of a shipped study comes to."""
    facts = facts_of(path)
    if facts.small_images is not None:
        facts = facts._replace(images=facts.small_images, test=facts.small_test)
    return work_of(load_study(path, small=True), facts, look=1)


def table(language: str) -> str:
    """The rows of every shipped study, in English or Chinese."""
    place = ("en", "zh").index(language)
    rows = [HEAD[place].format(large=speed(224) / 1e12, small=speed(32) / 1e12), "|---|---|---|---|---|---|---|"]
    for path in STUDIES:
        facts, study = facts_of(path), load_study(path)
        first, every = work_of(study, facts, look=1), work_of(study, facts, look=len(study.evidence.replicates))
        card = speed(_side(study.base["data"]))
        cells = [
            f"`studies/{path.name}`",
            facts.asks[place],
            f"{facts.data[place]}{COUNT[place].format(count=facts.images)}",
            _range(f"{first.runs:,}", f"{every.runs:,}"),
            _range(_hours(first.flops / card), _hours(every.flops / card)),
            _range(_bytes(_kept(study, facts, first)), _bytes(_kept(study, facts, every))),
            _small(facts, place),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


HEAD = (
    "| file | question | data | runs of the first look (of all) | GPU hours at {large:.1f} TFLOP/s ({small:.1f} below "
    "224x224) | disk | `--small`, on two cores |",
    "| 文件 | 问题 | 数据 | 第一次检视的运行数（全部） | GPU 小时，{large:.1f} TFLOP/s（224x224 以下 {small:.1f}） | "
    "磁盘 | `--small`，双核 |",
)
COUNT = (", {count:,} images", "，{count:,} 张图像")


def _small(facts: Facts, place: int) -> str:
    """Minutes on two cores where they were measured, and what of."""
    minutes, on = max(1, round(facts.small_seconds / 120)), facts.small_on[place]
    return (f"{minutes} min, on {on}", f"{minutes} 分钟，{on}")[place] if facts.small_seconds else on


def _kept(study: Study, facts: Facts, work: Work) -> float:
    data = study.base["data"]
    pixels = _side(data) if data.get("resize") != "device" else 32
    cache = facts.images * pixels**2 * data.get("channels", 3) * (data.get("clip") or {}).get("frames", 1)
    return float(facts.stored + cache + work.weights + 25_000 * work.runs)


def _side(data: Mapping[str, Any]) -> int:
    """Pixels of an image's side, or of a clip's."""
    return int(data["image_size"] if "image_size" in data else data["clip"]["size"])


def _range(first: str, every: str) -> str:
    return first if first == every else f"{first} ({every})"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}" if hours >= 0.1 else "< 0.1"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.0f} GB" if count >= 10e9 else f"{count / 1e9:.1f} GB" if count >= 1e8 else "< 0.1 GB"


def kept() -> str:
    """What each small version keeps, and what it comes to."""
    lines = []
    for path in STUDIES:
        study, facts, work = load_study(path, small=True), facts_of(path), small_work(path)
        assert study.small is not None
        lines.append(
            f"- **`ablate run studies/{path.name} --small`**: {' '.join(study.small.keeps.split())} *{work.runs} runs, "
            f"{work.passes:,} training images, {work.flops / 2e12:.1f} tera multiply-adds{_took(facts)}.*"
        )
    return "\n".join(lines)


def _took(facts: Facts) -> str:
    seconds = facts.small_seconds
    return f"; took {seconds:.0f} s of a processor, {seconds / 120:.1f} min on two quiet cores" if seconds else ""


def page(name: str) -> str:
    """The text of a page with what is generated as it is to be."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = _between(text, "prices", table(PLACES[name]))
    return _between(text, "kept", kept()) if "<!-- kept: begin" in text else text


def _between(text: str, mark: str, made: str) -> str:
    begin, end = f"<!-- {mark}: begin, written by `make docs` -->", f"<!-- {mark}: end -->"
    before, found, rest = text.partition(begin)
    assert found, f"there is no place for {mark}"
    assert end in rest, f"there is no end of {mark}"
    return f"{before}{begin}\n{made}\n{end}{rest.partition(end)[2]}"


def write_tables() -> None:
    """Renew every page."""
    for name in PLACES:
        (ROOT / name).write_text(page(name), encoding="utf-8")
