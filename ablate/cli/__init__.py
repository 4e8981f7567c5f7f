"""The `ablate` command."""

from ablate.cli.app import main

__all__ = ["main"]
