"""Files of trained networks outside torch: opened, asked, measured.

Knows no torch. What needs it (an export, a pruned network, a `.pt2` file) stands in `ablate.training` and is
reached by the dotted path that a `Step` names.
"""
