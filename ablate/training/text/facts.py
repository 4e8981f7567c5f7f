"""What the texts of a data set are like, by part: their words, and whether they name the classes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ablate.inspection import TextFacts

WORD = re.compile(r"\b\w\w+\b")
"""A word as scikit-learn's TF-IDF takes it."""


def text_facts(
    texts: Sequence[str], part_of: Sequence[str], labels: Sequence[Sequence[int]], classes: Sequence[str]
) -> TextFacts:
    """Counts of texts and words. part_of, labels: of each text's image; classes: names in the order of the labels."""
    words = [WORD.findall(text.lower()) for text in texts]
    fit = {word for one, part in zip(words, part_of, strict=True) if part == "train" for word in one}
    others = {word for one in words for word in one} - fit
    sizes = sorted(map(len, words))
    named = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE) for name in classes]
    naming = sum(any(named[label].search(text) for label in own) for text, own in zip(texts, labels, strict=True))
    return TextFacts(
        texts=len(texts),
        distinct=len(set(texts)),
        shortest=sizes[0],
        median=sizes[len(sizes) // 2],
        longest=sizes[-1],
        fit_words=len(fit),
        other_words=len(others),
        naming=naming,
    )
