"""What a page's program needs of Hydra: `main` with overrides `key=value` over a config file."""

import sys
from pathlib import Path
from types import SimpleNamespace

import yaml

from hydra.core.hydra_config import HydraConfig


def main(*, version_base, config_path, config_name):
    """The decorator. A key that the config file does not have is refused, as Hydra does."""

    def decorate(function):
        def called():
            place = Path(sys.modules["__main__"].__file__).parent / config_path / f"{config_name}.yaml"
            values = yaml.safe_load(place.read_text())
            for word in sys.argv[1:]:
                key, _, value = word.partition("=")
                if key == "hydra.run.dir":
                    HydraConfig.runtime.output_dir = value
                else:
                    assert key in values, f"Key '{key}' is not in struct"
                    values[key] = yaml.safe_load(value)
            return function(SimpleNamespace(**values))

        return called

    return decorate
