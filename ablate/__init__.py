"""Ablation studies of image classifiers."""
