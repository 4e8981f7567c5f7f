"""The encoder of a run's texts: fitted on its fit part, kept beside its weights, opened again to predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from ablate.errors import DataError
from ablate.files import sha256_file
from ablate.trainer import source_digest, source_files
from ablate.training.config.text import Embeddings, OwnEncoder, TextEncoder, TfIdf
from ablate.training.text.own import encode_with, find_encoder
from ablate.training.text.tfidf import fit_words, open_words
from ablate.training.text.vectors import find_vectors, read_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


class FittedEncoder(NamedTuple):
    """encode: ids of images and their texts -> (n, width) float32. state: JSON, what `open_encoder` makes it from."""

    encode: Callable[[Sequence[str], Sequence[str]], Rows]
    state: Mapping[str, Any]


def fit_encoder(config: TextEncoder, texts: Sequence[str]) -> FittedEncoder:
    """The encoder that a run fits on the texts of its fit part; of no others anything is learnt.

    Raises DataError where these texts say nothing, and where what encodes them is not there.
    """
    if config.reads_texts:
        _refuse_equal(texts)
    match config:
        case TfIdf():
            state = fit_words(texts, config.words)
        case Embeddings() | OwnEncoder():
            state = {"origin": origin_of(config)}
        case _:
            assert_never(config)
    return _made(config, state)


def open_encoder(config: TextEncoder, state: Mapping[str, Any]) -> FittedEncoder:
    """The encoder of a finished run. Raises DataError where its file or function is no longer what it was."""
    if state.get("origin", "") != origin_of(config):
        raise DataError(
            f"what {config.name} encodes texts with has changed since the run",
            hint="Put the old one back, or train again: `ablate run STUDY --retrain`.",
        )
    return _made(config, state)


def _made(config: TextEncoder, state: Mapping[str, Any]) -> FittedEncoder:
    match config:
        case TfIdf():
            words = open_words(state, config.words)
            return FittedEncoder(lambda _, texts: words(texts), state)
        case Embeddings():
            vectors = read_vectors(config)
            return FittedEncoder(lambda ids, _: find_vectors(vectors, ids, config), state)
        case OwnEncoder():
            return FittedEncoder(lambda _, texts: encode_with(config, texts), state)
        case _:
            assert_never(config)


def origin_of(config: TextEncoder | None) -> str:
    """Digest of what comes from elsewhere: the file of vectors, or the source of the user's function; else empty."""
    match config:
        case Embeddings():
            return sha256_file(located(config))
        case OwnEncoder():
            find_encoder(config.name)
            return source_digest(config.name)
        case _:
            return ""


def files_of(config: TextEncoder | None) -> tuple[str, ...]:
    """Files whose change means other numbers."""
    match config:
        case Embeddings():
            return (str(located(config)),)
        case OwnEncoder():
            find_encoder(config.name)
            return tuple(str(Path(file).resolve()) for _, file in source_files(config.name))
        case _:
            return ()


def located(config: Embeddings) -> Path:
    """Where the file of vectors is. Raises DataError where it is not there."""
    path = Path(config.file).expanduser().resolve()
    if not path.is_file():
        raise DataError(
            f"base.model.text.file: there is no file {path}",
            hint=f"A relative path starts at the current folder, {Path.cwd()}.",
        )
    return path


def _refuse_equal(texts: Sequence[str]) -> None:
    if len(texts) > 1 and len(set(texts)) == 1:
        raise DataError(
            f"the texts of all {len(texts)} images to fit on are the same, {texts[0][:60]!r}: nothing can be learnt "
            "from them",
            hint="Check the column that base.data.source.text names, or set base.model.text to null.",
        )
