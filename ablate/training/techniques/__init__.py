"""Techniques a study may switch: one pure function family a file, called by name in the loop."""
