"""How a text becomes a row of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from ablate.settings import Settings
from ablate.training.config.bounds import Count


class TfIdf(Settings):
    """TF-IDF of single words, by scikit-learn: lower-case words of two characters or more, rows of length 1.

    Words and their weights are those of the images to fit on, in each replicate anew: a word that occurs only in
    texts of validation or test images has no column.
    """

    name: Literal["tfidf"]
    words: Annotated[int, Field(ge=1, le=100_000)] = 5000
    """The most frequent words that are kept, each a column; columns that no word fills stay 0."""

    @property
    def width(self) -> int:
        """Numbers a text becomes."""
        return self.words

    @property
    def reads_texts(self) -> bool:
        """Whether it needs the texts themselves."""
        return True


class Embeddings(Settings):
    """Vectors that were computed elsewhere, one an image: an npz with the arrays `id` (N,) and `vector` (N, size)."""

    name: Literal["embeddings"]
    file: str
    """Path of the npz, below the current folder or absolute; its content counts, as that of weights does."""
    size: Count
    """Numbers in each vector; checked against the file."""

    @property
    def width(self) -> int:
        """Numbers a text becomes."""
        return self.size

    @property
    def reads_texts(self) -> bool:
        """It finds its vectors by the images' ids."""
        return False


class OwnEncoder(Settings):
    """A function of yours, called as encode(texts, **options) -> array (n, size): of each text by itself."""

    name: Annotated[str, Field(pattern=r"^[\w.]+:\w+$", examples=["my_pkg.text:encode"])]
    size: Count
    """Numbers it makes of a text; checked against what it returns."""
    options: dict[str, bool | int | float | str | None] = Field(default={})
    """Keyword arguments handed to it."""

    @property
    def width(self) -> int:
        """Numbers a text becomes."""
        return self.size

    @property
    def reads_texts(self) -> bool:
        """Whether it needs the texts themselves."""
        return True


def _encoder_of(block: Any) -> str | None:
    """The tag of the block meant; the name itself where nobody has it."""
    name = block.get("name") if isinstance(block, Mapping) else getattr(block, "name", None)
    if not isinstance(name, str):
        return None
    return OwnEncoder.__name__ if ":" in name else name


TextEncoder = Annotated[
    Annotated[TfIdf, Tag("tfidf")]
    | Annotated[Embeddings, Tag("embeddings")]
    | Annotated[OwnEncoder, Tag("OwnEncoder")],
    Discriminator(_encoder_of),
]
