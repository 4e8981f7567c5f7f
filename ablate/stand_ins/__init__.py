"""Synthetic data for studies whose own cannot be handed out: each is a function that fills an empty folder.

They live apart from the trainer, so that a change of a drawing makes no finished run look stale.
"""
