"""`ablate deploy`: files of trained networks measured on one test set and judged against the first."""
