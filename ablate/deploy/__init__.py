"""Trained networks as files: opened by an engine, quantised, measured. Nothing here needs torch."""
