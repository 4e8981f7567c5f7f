"""What the commands of the pages find: a folder with studies and images, and stand-ins for what no test machine has."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tests.docs.blocks import ROOT, Block
from tests.grey_folder import HOW, biased, write_grey_folder
from tests.image_fixtures import write_image, write_image_folder
from tests.linear_networks import write_onnx

FACES = """\
study: faces
question: Which of these changes help?
base:
  data: {source: {name: image_folder, root: data/faces}, classes: 3, image_size: 16, train: all}
  model: {name: vgg, blocks: [1], width: 4, head: {name: fc, hidden: [8], pool: 1}}
  optimizer: {name: adam, lr: 1e-2}
  batch_size: 20
  epochs: 2
chain:
  BN: {model.norm: {name: batch}}
  GAP head: {model.head: {name: gap}}
  Crop: {augment.crop: {padding: 2}}
evidence:
  test: {folds: 5}
  val: 0.1
  replicates: 3
search: {space: {optimizer.lr: {low: 1e-3, high: 1e-1, log: true}}, val: 0.1}
"""
"""`studies/faces.yaml` of all pages but the two that have it written by `ablate init`."""

LIVED_IN = ("README", "docs/after_training", "docs/cluster", "docs/howto/", "docs/mlflow", "docs/python", "docs/zh/")
LIVED_IN += ("docs/tutorial/demo", "docs/tutorial/a_search")
"""Beginnings of the names of pages whose commands are about studies that have been run: quick start and faces."""

STANDS_FOR = {
    "ablate run studies/hollywood.yaml --small": "ablate plan studies/hollywood.yaml --small",
    "data/faces --minutes 20": "data/faces --minutes 1; sed -i 's/^  epochs: [0-9]*/  epochs: 2/' studies/faces.yaml",
    "ablate run studies/faces.yaml --design data": "ablate plan studies/faces.yaml --design data",
    "ablate report studies/faces.yaml --figures": "ablate report a.yaml --figures",
    'ablate explain "quickstart/GAP head/0"': 'ablate explain "faces/GAP head/0"',
    "ablate doctor": "ablate doctor --quick",
    "--trials 200": "--trials 2",
    "--trials 50": "--trials 2",
    "--trials 4": "--trials 2",
    "sleep 60": "sleep 0.1",
    "/shared/faces": ".",
    "/content/drive/MyDrive/ablate": ".",
    "http://localhost:5000": "sqlite:///server.db",
    "--storage postgresql://": "--trials 2 --storage postgresql://",
    "postgresql://user:password@host/optuna": "sqlite:///searches.db",
    "ablate ui": "shortly 'MLflow: http' ablate ui",
    "-m venv .venv": "-m venv --without-pip .venv",
    "my-experiment --by model": "quickstart --by ablate.variant",
    "optuna-dashboard ": "shortly 'Listening at' optuna-dashboard ",
}
"""What a page says -> what is carried out: less of it, its plan, on this machine, or ended once it has begun."""

PYTHON = {
    "docs/python.md": """
import numpy as np, pandas as pd
random = np.random.default_rng(0)
correct_of_large = correct_a = (random.random(1497) < 0.94).astype(int)
correct_of_small = correct_b = correct_a.copy()
correct_b[np.flatnonzero(correct_a == 1)[:40]] = 0
correct_b[np.flatnonzero(correct_a == 0)[:44]] = 1
patients = [f"P{index // 3}" for index in range(1497)]
losses_a, losses_b = random.random(1497), random.random(1497)
rows = [(name, seed, 0.8 + gain + seed / 100) for name, gain in (("baseline", 0), ("ours", 0.1)) for seed in range(5)]
frame = pd.DataFrame(rows, columns=["model", "seed", "accuracy"])
""",
}
"""What the Python of a page takes for granted."""

ROWS = "variant,seed,accuracy\n" + "".join(
    f"{name},{seed},{base + 0.003 * (seed % 3) + 0.001 * seed}\n"
    for name, base in (("baseline", 0.80), ("GAP head", 0.86), ("int8", 0.80), ("pruned", 0.81))
    for seed in range(5)
)


def furnish(folder: Path) -> Path:
    """Studies, images of three people, single scans and results in a table; nothing has been run."""
    shutil.copytree(ROOT / "studies", folder / "studies")
    write_image_folder(folder / "data" / "faces", classes=("ada", "bea", "cai"), per_class=20)
    (folder / "home").mkdir()
    return folder


def add_material(folder: Path) -> None:
    """What single commands name: a study of the faces, scans of nobody that is in it, tables."""
    (folder / "studies" / "faces.yaml").write_text(FACES, encoding="utf-8")
    for name in ("more_scans", "new_images"):
        write_image_folder(folder / name, classes=("x",), per_class=2, kinds=("rgb_png",), seed=hash(name) % 7 + 90)
    write_image(folder / "one", "rgb_png", seed=99).rename(folder / "scan.png")
    ids = [path.stem for path in sorted((folder / "new_images").rglob("*.png"))]
    sample = "\n".join(["Id,Category", *(f"{one},0" for one in ids)])
    (folder / "sample_submission.csv").write_text(sample + "\n", encoding="utf-8")
    for name in ("own_trainer.py", "own_trainer.yaml"):
        shutil.copy(ROOT / "docs" / name, folder)
    add_patients(folder)
    (folder / "results.csv").write_text(ROWS, encoding="utf-8")
    for name, every in (("a", 3), ("b", 5)):
        rows = [f"{i}.png,{i % 2},{i % 2 if i % every else 1 - i % 2}" for i in range(60)]
        (folder / f"{name}.csv").write_text("\n".join(["id,target,predicted", *rows]), encoding="utf-8")
    add_networks(folder)


def add_networks(folder: Path) -> None:
    """Files of networks that tell grey images apart, and such images of three classes."""
    write_grey_folder(folder / "scans", 5)
    for name, amount in (("fp32", 0.0), ("int8", 0.1), ("model", 0.0)):
        write_onnx(folder / f"{name}.onnx", biased(amount), HOW)
    shutil.copytree(folder / "scans", folder / "new_scans", dirs_exist_ok=True)


TOY = """\
study: {name}
trainer: ablate.toy:train
base: {{skill: 60.0, images: {images}}}
chain: {{BN: {{gain: 20.0}}}}
evidence: {{test: {{folds: 3}}, replicates: [3]}}
"""


def live_in(folder: Path) -> None:
    """Four studies more, for what is said of several."""
    other = FACES.replace("study: faces", "study: other").replace("  Crop: {augment.crop: {padding: 2}}\n", "")
    (folder / "studies" / "other.yaml").write_text(other, encoding="utf-8")
    for images, name in enumerate("abc", start=300):
        (folder / f"{name}.yaml").write_text(TOY.format(name=name, images=images), encoding="utf-8")


def add_patients(folder: Path) -> None:
    """A table of lesions with its images, CT slices in files of raw values, and what Lightning logged."""
    random = np.random.default_rng(0)
    rows = ["file,diagnosis,patient_id"]
    for number in range(90):
        diagnosis = ("nevus", "nevus", "keratosis", "melanoma")[number % 4]
        place = folder / "images" / f"{number:03}"
        place.parent.mkdir(exist_ok=True)
        rows.append(f"{write_image(place, 'rgb_jpg', seed=number).name},{diagnosis},P{number // 2:02}")
        scan = folder / "data" / "ct" / "ab"[number % 2] / f"patient{number // 4:02}_{number:03}.dcm"
        scan.parent.mkdir(parents=True, exist_ok=True)
        scan.write_bytes(random.integers(0, 900, 64).astype(np.uint16).tobytes())
    (folder / "lesions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "fixtures" / "logs" / "lightning", folder / "lightning_logs")


def draw(folder: Path, block: Block) -> None:
    """An image at every path of the block."""
    for number, line in enumerate(line.split("#")[0].strip() for line in block.text.splitlines()):
        if line and line != "...":
            path = folder / line
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path.parent / "new", "rgb_png" if path.suffix == ".png" else "rgb_jpg", seed=number).rename(
                path
            )


def substituted(text: str) -> str:
    """The text as it is carried out."""
    for said, done in STANDS_FOR.items():
        text = text.replace(said, done)
    return text
