"""What `ablate init` is asked for: which images or which script, and where the study file goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.workflows.beginning.command_study import CommandStudy
from ablate.workflows.beginning.script_study import study_of_script
from ablate.workflows.beginning.sweeps import study_of_hydra, study_of_sweep
from ablate.workflows.beginning.tries import split_line

YAML = (".yaml", ".yml")


def requested(
    what: Path | None, to: Path | None, root: Path | None, script: ScriptRequest | None = None
) -> tuple[Path, Path | None]:
    """The study file to write, and the folder of images, None where nobody named one.

    what: the folder, or as in earlier versions the study file. Raises StudyError where something is named twice.
    """
    if script is not None and script.is_any:
        if root is not None or (what is not None and what.suffix.lower() not in YAML):
            raise StudyError(
                f"a script and a folder of images ({root or what}) are named",
                hint="The script's own argument names its images: --script 'train.py --data FOLDER'.",
            )
        return what or to or Path("studies") / f"{script.stem}.yaml", None
    is_file = what is not None and what.suffix.lower() in YAML and not what.is_dir()
    if what is None or is_file:
        if what is not None and to is not None:
            raise StudyError(f"the study file is named twice: {what} and --to {to}", hint="Name it once.")
        return what or to or _beside_the_others(root), root
    if root is not None:
        raise StudyError(f"the images are named twice: {what} and --root {root}", hint="Leave --root out.")
    return to or _beside_the_others(what), what


def _beside_the_others(root: Path | None) -> Path:
    """`studies/faces.yaml` for data/faces."""
    name = "my_study" if root is None else root.resolve().name or "my_study"
    return Path("studies") / f"{name}.yaml"


class ScriptRequest(NamedTuple):
    """What was asked of a script. script: its path and arguments that stay. hydra: as behind --multirun."""

    script: str | None = None
    tries: Sequence[str] = ()
    hydra: str | None = None
    sweep: Path | None = None
    seeds: int = 5

    @property
    def is_any(self) -> bool:
        """Whether a script is meant, and no folder of images."""
        return bool(self.script or self.tries or self.hydra or self.sweep)

    @property
    def stem(self) -> str:
        """What the study is called unless a file is named."""
        name = self.sweep or Path((self.script or "").partition(" ")[0])
        return name.stem or "my_study"


def command_study(request: ScriptRequest) -> CommandStudy:
    """The study that was asked for. Raises StudyError where it is asked for in two ways, or nothing is tried."""
    script, tries, hydra, sweep, seeds = request
    if sweep is not None:
        if script is not None or tries or hydra is not None:
            raise StudyError(
                "--from-sweep names its program and its values itself", hint="Leave the other options out."
            )
        return study_of_sweep(sweep, seeds)
    if script is None or not split_line(script, "--script"):
        what = "--from-hydra" if hydra is not None else "--try"
        raise StudyError(f"{what} is about a script, and none is named", hint="Add --script train.py.")
    if hydra is not None:
        if tries:
            raise StudyError("--try is for a script with argparse, --from-hydra for an app of Hydra", hint="Keep one.")
        return study_of_hydra(hydra, script, seeds)
    return study_of_script(script, tries, seeds)
