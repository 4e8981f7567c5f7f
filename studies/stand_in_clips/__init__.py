"""Synthetic clips for studies/video.yaml: shapes whose class is the way they move.

An example of what `stand_in.make` names: a function that fills an empty folder. It lies beside the study and is no
part of the installed package. A copy of the study needs a copy of this folder beside it.
"""
