"""What is wrong with data, gathered: a run is refused once, for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ablate.errors import AblateError, DataMissing, together


class Problems:
    """Errors met so far."""

    def __init__(self) -> None:
        self.errors: list[AblateError] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep an error for later, and go on behind the block; data that are not there end everything."""
        try:
            yield
        except DataMissing:
            raise
        except AblateError as error:
            self.errors.append(error)

    def refuse(self) -> None:
        """Raise what was met, as one error."""
        if self.errors:
            raise together(self.errors)
