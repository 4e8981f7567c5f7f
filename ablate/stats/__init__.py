"""Which differences are real: intervals, adjusted p-values and verdicts from plain arrays."""

from ablate.stats.accuracy import (
    Accuracy,
    McNemar,
    Unpaired,
    accuracy_of_numbers,
    mcnemar,
    newcombe,
    variant_accuracy,
    wilson,
)
from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import estimate
from ablate.stats.replicate_level import estimate_replicates
from ablate.stats.student import Estimate
from ablate.stats.verdict import Judged, Needed, Verdict, judge, replicates_needed, verdict_text

__all__ = [
    "Accuracy",
    "Cells",
    "Estimate",
    "Judged",
    "McNemar",
    "Needed",
    "StatisticsError",
    "Unpaired",
    "Verdict",
    "accuracy_of_numbers",
    "estimate",
    "estimate_replicates",
    "judge",
    "mcnemar",
    "newcombe",
    "replicates_needed",
    "variant_accuracy",
    "verdict_text",
    "wilson",
]
