"""Which version of the rules turns answers into intervals and verdicts.

1: images are the unit of chance; answers that do not differ at all give an interval without width, and `same`.
2: groups of images (`data.groups`, copies) are the unit of chance where there are any; equal answers prove no more than
their number can; results that do not vary at all, where single images are not known, get no verdict.
3: of three looks the last may spend .7 of the error rate, and not .5, where the study says nothing and has not looked
yet. Metrics of unequal classes are judged by the images, from stored answers, and not by a t-test over runs.
"""

METHOD = 3
"""The version of this program. A report carries that of its own; one that carries none is of method 1."""
