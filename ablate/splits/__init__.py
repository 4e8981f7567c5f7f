"""Which images a run is fitted on, watched on and tested on; free of torch and numpy."""
