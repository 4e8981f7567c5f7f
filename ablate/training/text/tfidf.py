"""TF-IDF of single words by scikit-learn: how often a word stands in a text, times how rare it is among the texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ablate.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


def fit_words(texts: Sequence[str], words: int) -> dict[str, Any]:
    """The vocabulary of these texts, at most `words` of the most frequent, and each word's weight.

    Raises DataError where there is none.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted = TfidfVectorizer(max_features=words)
    try:
        fitted.fit(texts)
    except ValueError as error:
        raise DataError(
            f"the {len(texts)} texts to fit on hold no word of two letters or more, such as {texts[0][:60]!r}",
            hint="Words are what blanks and punctuation set apart; for other writing give base.model.text a function "
            "of your own, {name: 'my_pkg.text:encode', size: 300}.",
        ) from error
    return {"words": fitted.get_feature_names_out().tolist(), "idf": fitted.idf_.tolist()}


def open_words(state: Mapping[str, Any], width: int) -> Callable[[Sequence[str]], Rows]:
    """What makes (n, width) float32 of texts by a vocabulary; columns beyond it are 0."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted = TfidfVectorizer(vocabulary=state["words"])
    fitted.idf_ = np.array(state["idf"], dtype=np.float64)

    def encode(texts: Sequence[str]) -> Rows:
        rows = np.zeros((len(texts), width), dtype=np.float32)
        if texts:
            rows[:, : len(state["words"])] = fitted.transform(texts).toarray()
        return rows

    return encode
