"""Where Hydra says which folder is the run's own."""

from types import SimpleNamespace


class HydraConfig:
    """Filled by `hydra.main`."""

    runtime = SimpleNamespace(output_dir="outputs")

    @classmethod
    def get(cls):
        """The one there is."""
        return cls
