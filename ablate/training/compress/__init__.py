"""From a trained network to a smaller or a portable one: pruning, export, training aware of INT8."""
