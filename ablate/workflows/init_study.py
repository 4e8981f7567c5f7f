"""Study files to start from: the quick start that comes with the package, and one for a folder of images."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ablate.errors import DataError, StudyError
from ablate.execute.environment import cores
from ablate.execute.resources import fitting_threads
from ablate.files import write_text
from ablate.readers.image_folders import class_notes, nobodys_note, refuse_no_classes, top_of

STARTER = """\
# A first study over a folder of images, one folder per class.
study: {name}
question: Which of these changes make the model better?
base:
  data:
    source: {{name: image_folder, root: {root}}}
    classes: {classes}
    image_size: 64            # pixels; every image is resized to a square of this side
    normalize: imagenet
    train: 0.7                # share of all images, validation included
  model: {{name: vgg11, width: 16, norm: null, dropout: null, head: {{name: gap}}}}
  optimizer: {{name: adam, lr: 1e-3}}
  warmup: {{epochs: 1}}
  schedule: {{name: cosine}}
  batch_size: 32
  epochs: 20
  numerics: {{threads: {threads}}}{gap}# CPU threads of one run, part of what it is; {why}
chain:                        # each step adds to the ones above it
  BN:      {{model.norm: {{name: batch}}}}
  Flip:    {{augment.flip: {{}}}}
  Dropout: {{model.dropout: {{features: 0.5}}}}
evidence:                     # fixed before the first run
  metric: accuracy
  test: {{folds: 5}}            # replicate r is tested on fold r
  val: 0.1
  replicates: [5, 10]         # planned looks: going on later is always valid
  worthwhile: 3.0             # points; a smaller gain is not worth having
  negligible: 1.0             # points; a smaller difference counts as none
"""

STARTER_RUNS = 20
"""Four variants on five replicates."""


def quickstart_path(work: Path) -> Path:
    """`studies/quickstart.yaml` in the work folder, written there from the package where it is missing."""
    path = work / "studies" / "quickstart.yaml"
    if not path.exists():
        packaged = resources.files("ablate") / "packaged" / "quickstart.yaml"
        write_text(path, packaged.read_text(encoding="utf-8"))
    return path


def write_starter(path: Path, root: Path | None) -> tuple[str, ...]:
    """A study over a folder of images; returns what is worth a note about the folder.

    Raises where the file exists, or the folder has no classes or holds the parts of a split.
    """
    if path.exists():
        raise StudyError(f"{path} exists already", hint="Choose another name, or remove it.")
    classes, notes = 2, []
    if root is not None:
        if not root.is_dir():
            raise DataError(f"there is no folder {root}", hint="Give the folder that holds one folder per class.")
        top = top_of(root)
        refuse_no_classes(root, [folder.name for folder in top.folders], what=str(root))
        classes = len(top.folders)
        notes = class_notes(top.folders) + ([nobodys_note(top.nobodys)] if top.nobodys else [])
    name = "".join(c if c.isalnum() and c.isascii() else "-" for c in path.stem.lower())[:64].strip("-") or "my-study"
    shown = str(root) if root is not None else "data/images"
    quoted = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    write_text(path, STARTER.format(name=name, root=quoted, classes=classes, **_threads()))
    return tuple(notes)


def _threads() -> dict[str, str]:
    """The line that says how many threads a run of the starter has on this machine."""
    here = cores()
    threads = fitting_threads(STARTER_RUNS, here)
    many = "1 core" if here == 1 else f"{here} cores"
    why = f"{STARTER_RUNS} runs begin side by side on {many}"
    return {"threads": str(threads), "gap": " " * (7 - len(str(threads))), "why": why}
