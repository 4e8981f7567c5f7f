"""Which differences are real: intervals, adjusted p-values and verdicts from plain arrays."""
