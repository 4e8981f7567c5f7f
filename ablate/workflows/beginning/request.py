"""What `ablate init` is asked for: which images, and where the study file goes."""

from __future__ import annotations

from pathlib import Path

from ablate.errors import StudyError

YAML = (".yaml", ".yml")


def requested(what: Path | None, to: Path | None, root: Path | None) -> tuple[Path, Path | None]:
    """The study file to write, and the folder of images, None where nobody named one.

    what: the folder, or as in earlier versions the study file. Raises StudyError where both are named twice.
    """
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
