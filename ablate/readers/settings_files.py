"""Settings that loggers leave as YAML beside their results: Lightning's hparams.yaml, W&B's config.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.readers.logged import flat, read_limited

MOST_BYTES = 1 << 20
HPARAMS, HYDRA = "hparams.yaml", Path(".hydra") / "config.yaml"


def settings_beside(folder: Path, source: Path) -> dict[str, str]:
    """The parameters of the run in a folder: its hparams.yaml, else the configuration that Hydra keeps, here or above.

    source: above it nothing is looked for. Raises StudyError for a file that is not YAML.
    """
    found = read_hparams(folder / HPARAMS) if (folder / HPARAMS).is_file() else {}
    places = [place for place in (folder, *folder.parents) if place == source or source in place.parents]
    kept = next((place / HYDRA for place in places if (place / HYDRA).is_file()), None)
    return read_hparams(kept) if kept is not None and not found else found


def read_hparams(path: Path) -> dict[str, str]:
    """The parameters in a file, flat. Raises StudyError for one that is not YAML."""
    return flat(_read(path))


def read_config(path: Path) -> dict[str, str]:
    """The parameters in W&B's config.yaml, where each is a block with `value`; its own notes (`_wandb`) left out."""
    tree = _read(path)
    plain = {
        key: value["value"] if isinstance(value, Mapping) and "value" in value else value
        for key, value in tree.items()
        if not key.startswith("_") and key != "wandb_version"
    }
    return flat(plain)


@cache
def _loader() -> Any:
    """Safe: what belongs to a class of somebody's program is read as its plain data."""
    import yaml

    class Loader(yaml.SafeLoader):
        """With one constructor for all tags of others."""

    def plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        assert isinstance(node, yaml.ScalarNode)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("", plain)
    return Loader


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    content = read_limited(path, MOST_BYTES)
    try:
        tree = _loader()(content.decode("utf-8-sig")).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = f"{path}:{line + 1}" if isinstance(line, int) else f"{path}"
        raise StudyError(f"{place}: is not YAML", hint="Leave that run out, or fix the file.") from None
    if tree is None:
        return {}
    if not isinstance(tree, Mapping):
        raise StudyError(f"{path}: holds no parameters", hint="Leave that run out, or fix the file.")
    return {str(key): value for key, value in tree.items()}
