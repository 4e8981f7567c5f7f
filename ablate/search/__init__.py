"""Searching settings with Optuna: ask and tell as a Source of runs. The only package that imports optuna."""

from ablate.search.book import OptunaAdapter
from ablate.search.frozen import freeze_confirmation
from ablate.search.insight import Importance, importances, pareto_front
from ablate.search.question import BASELINE_TRIAL, SearchQuestion, make_question, name_of, tuning_question
from ablate.search.source import OptunaSource
from ablate.search.storage import OpenSearch, open_search, points_of
from ablate.search.trials import TrialRecord, have_failed
from ablate.search.unread import caution, promise, unchecked

__all__ = [
    "BASELINE_TRIAL",
    "Importance",
    "OpenSearch",
    "OptunaAdapter",
    "OptunaSource",
    "SearchQuestion",
    "TrialRecord",
    "caution",
    "freeze_confirmation",
    "have_failed",
    "importances",
    "make_question",
    "name_of",
    "open_search",
    "pareto_front",
    "points_of",
    "promise",
    "tuning_question",
    "unchecked",
]
