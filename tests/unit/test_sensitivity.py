"""What new training sets might add: a sentence in the report, and no verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from ablate.report.gather.sensitivity import training_sets_remark
from ablate.report.wording.language import words_of
from ablate.splits.rules import Folds, Share
from ablate.stats.resampled import resampled_interval
from tests.builders import a_study, findings_of


def test_the_corrected_resampled_t_by_hand() -> None:
    """Known answer: (1/5 + 360/1440) s^2, four degrees of freedom."""
    values = [1.0, 2.0, 4.0, 3.0, 5.0]
    half = t.ppf(0.975, 4) * np.sqrt(2.5 * (1 / 5 + 1 / 4))

    assert resampled_interval(values, train=1440, test=360) == pytest.approx((3 - half, 3 + half))


def test_it_is_longer_than_the_plain_t_of_the_replicates() -> None:
    """Without test images beside the training images the two are the same."""
    values = [1.0, 2.0, 4.0]
    plain = t.interval(0.95, 2, loc=np.mean(values), scale=np.std(values, ddof=1) / np.sqrt(3))

    assert resampled_interval(values, train=100, test=0) == pytest.approx(plain)
    assert resampled_interval(values, train=100, test=50)[0] < plain[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_step_that_is_called_better_gets_the_interval_in_words(language: str, tmp_path: Path) -> None:
    """Of folds alone, and with the images counted; the verdict stays what it is."""
    found = findings_of(a_study(), tmp_path)
    counted = [replace(row, counts={"train": 200, "test": 100}) for row in found.variants]
    metric, say = found.study.metric, words_of(language)
    shown = [effect for effect in found.effects if effect.decision.verdict in ("better", "worse")]

    assert shown
    (line,) = training_sets_remark(found.effects, counted, Folds(count=3), metric, say)
    assert all(effect.compared.called in line for effect in shown[:1])
    assert {"en": "Sensitivity, no verdict", "zh": "敏感性"}[language] in line
    assert training_sets_remark(found.effects, counted, Share(share=0.2), metric, say) == []
    assert training_sets_remark(found.effects, found.variants, Folds(count=3), metric, say) == []
