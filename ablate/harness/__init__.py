"""Between a plan and its results: look at the data, keep the executor busy, tell everyone."""
