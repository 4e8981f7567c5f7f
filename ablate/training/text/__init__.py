"""Texts that come with images, as rows of numbers."""
