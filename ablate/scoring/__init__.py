"""Metrics of a part of the data by the answers to its images: the value, and what each image adds to it."""
