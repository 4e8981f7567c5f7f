"""Every study under `studies/`, trained whole at a small scale on data in its source's own layout.

What is asked of them here is that they run, say what they must and count what the source counts; none has
to learn anything.
"""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.training import describe
from ablate.training.config import Config
from tests.image_fixtures import write_image_folder
from tests.layout_fixtures import write_cifar10, write_food11

pytestmark = pytest.mark.slow

STUDIES = Path(__file__).parents[2] / "studies"
ACTORS = (
    "Angelina Jolie", "Brad Pitt", "Denzel Washington", "Hugh Jackman", "Jennifer Lawrence", "Johnny Depp",
    "Kate Winslet", "Leonardo DiCaprio", "Megan Fox", "Natalie Portman", "Nicole Kidman", "Robert Downey Jr",
    "Sandra Bullock", "Scarlett Johansson", "Tom Cruise", "Tom Hanks", "Will Smith",
)  # fmt: skip
SMALL_VGG = ("model.width=2", "model.head={name: fc, hidden: [8, 8], pool: 1}")
TWO_NETWORKS = "{from: [baseline, only Dropout], ensemble: {"
CIFAR10 = "data.source={name: torchvision, dataset: CIFAR10, root: cifar, verify: false}"


def trained(work: Path, study: Path, *sets: str) -> dict[str, int]:
    """How many replicates of each variant ended with a result, when one of each was asked for."""
    options = [part for item in (*sets, "evidence.replicates=[1]") for part in ("--set", item)]
    with chdir(work):
        command = ["run", str(study), *options, "--executor", "inline", "--no-tracking", "--json"]
        done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["failed"] == []
    return {row["name"]: row["n"] for row in result["variants"]}


def one_of_each(study: Path) -> dict[str, int]:
    """What `trained` returns for a study that has run whole."""
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    several = {"batch size": ["only batch size 64", "only batch size 256"]}
    alone = [name for factor in content.get("one_at_a_time", ()) for name in several.get(factor, [f"only {factor}"])]
    return dict.fromkeys(["baseline", *content.get("chain", ()), *alone, *content.get("compare", ())], 1)


def test_the_home_made_vgg_and_its_questions_are_trained_on_cifar10_s_batches(tmp_path: Path) -> None:
    """At its own size of 32x32; AlexNet is another network, not another scale."""
    write_cifar10(tmp_path / "cifar", train=60, test=20)
    study = STUDIES / "cifar10_vgg16net.yaml"

    counts = trained(
        tmp_path, study, CIFAR10, "model.width=4", "data.train=60", "batch_size=30", "optimizer.lr=1e-3", "epochs=1"
    )

    assert counts == one_of_each(study)


def test_every_improvement_of_the_vgg16_on_cifar10_is_trained(tmp_path: Path) -> None:
    """Those made without training included; ImageNet's weights come from a file here."""
    write_cifar10(tmp_path / "cifar", train=60, test=20)
    study = with_weights_in_a_file(STUDIES / "cifar10_vgg16.yaml", tmp_path)
    # One replicate has no three networks to join; two variants have two.
    several = study.read_text(encoding="utf-8").replace("{from: baseline, ensemble: {members: 3,", TWO_NETWORKS)
    study.write_text(several, encoding="utf-8")

    counts = trained(
        tmp_path, study, CIFAR10, *SMALL_VGG, "data.image_size=40", "data.train=60", "batch_size=20",
        "optimizer.lr=1e-3", "epochs=2", "evidence.val=20",
    )  # fmt: skip

    assert counts == one_of_each(study)


def test_the_fine_tuning_recipe_is_trained_part_by_part(tmp_path: Path) -> None:
    """From weights in a file, with frozen modules and learning rates of their own."""
    write_cifar10(tmp_path / "cifar", train=60, test=20)
    study = with_weights_in_a_file(STUDIES / "finetune.yaml", tmp_path)

    counts = trained(
        tmp_path, study, CIFAR10, *SMALL_VGG, "data.classes=10", "data.image_size=32", "data.train=60",
        "batch_size=20", "epochs=6",
    )  # fmt: skip

    assert counts == one_of_each(study)


def test_the_homework_s_lessons_are_trained_on_its_folders(tmp_path: Path) -> None:
    """Labels from file names, `valid` as the test part, the images without labels left alone."""
    write_food11(tmp_path / "food", train=6, valid=2)
    study = STUDIES / "food11.yaml"

    counts = trained(
        tmp_path, study, "data.source.root=food", "data.image_size=32", "model.width=4", "model.hidden=[16]",
        "batch_size=20", "epochs=2",
    )  # fmt: skip

    assert counts == one_of_each(study)


def test_the_chain_of_the_hollywood_faces_is_trained_on_a_folder_a_person(tmp_path: Path) -> None:
    """With both comparisons that its published figures need."""
    write_image_folder(tmp_path / "faces", classes=ACTORS, per_class=10)
    study = with_weights_in_a_file(STUDIES / "hollywood.yaml", tmp_path)

    counts = trained(tmp_path, study, "data.source.root=faces", *SMALL_VGG, "data.image_size=32", "epochs=2")

    assert counts == one_of_each(study)


def test_a_small_version_is_trained_on_a_stand_in_and_says_so_first(tmp_path: Path) -> None:
    """The fine-tuning recipe without a download: first weights are learnt from other drawings, all changes tried."""
    study = STUDIES / "finetune.yaml"
    with chdir(tmp_path):
        command = ["run", str(study), "--small", "--set", "epochs=4", "--set", "evidence.replicates=[1]"]
        done = CliRunner().invoke(app, [*command, "--executor", "inline", "--no-tracking"], catch_exceptions=False)

    assert done.exit_code == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith("Small version (--small), not the study itself: It keeps every part of the recipe")
    assert second.startswith("Synthetic stand-in data, drawn by stand_in_portraits.layouts:write_breeds")
    (report,) = (tmp_path / "reports").glob("finetune@small@*/report.md")
    assert "Small version" in report.read_text(encoding="utf-8").split("## ")[0]
    assert len(list((tmp_path / ".ablate" / "runs").iterdir())) == len(one_of_each(study))


def with_weights_in_a_file(study: Path, work: Path) -> Path:
    """A copy of the study that starts from a small network of ours in place of ImageNet's."""
    from safetensors.torch import save_file

    from ablate.training.config import Config
    from ablate.training.models import make_network

    model = {"name": "vgg16", "width": 2, "head": {"name": "fc", "hidden": [8, 8], "pool": 1}}
    data = {"source": {"name": "digits"}, "classes": 10, "image_size": 32}
    network = make_network(
        Config.model_validate({"data": data, "model": model, "optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 1})
    )
    save_file(network.state_dict(), work / "small.safetensors")
    text = study.read_text(encoding="utf-8")
    published = "torchvision: VGG16_Weights.IMAGENET1K_V1"
    assert published in text
    copy = work / study.name
    copy.write_text(text.replace(published, "file: small.safetensors"), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("study", "variant", "parameters", "trained"),
    [
        ("hollywood", "baseline", 134_330_193, None),
        ("hollywood", "BN", 134_333_137, None),
        ("hollywood", "90% split", 134_333_137, None),
        ("hollywood", "GAP head", 14_726_353, None),
        ("hollywood", "one-layer head", 15_144_145, None),
        ("hollywood", "one-layer head, weight decay", 15_144_145, None),
        ("hollywood", "frozen fine-tune", 134_330_193, 69_649),
        ("cifar10_vgg16", "baseline", 134_301_514, None),
        ("cifar10_vgg16net", "baseline", 14_777_162, None),
        ("food11", "baseline", 12_833_803, None),
        ("food11", "only ResNet", 11_186_955, None),
    ],
)
def test_networks_have_the_parameters_of_their_source(
    study: str, variant: str, parameters: int, trained: int | None
) -> None:
    """Counted without data, on networks that have shapes and no weights."""
    plan = make_plan(load_study(STUDIES / f"{study}.yaml"))

    described = describe(Config.model_validate(plan.variant(variant).config))

    assert (described.parameters, described.trained) == (parameters, trained or parameters)
