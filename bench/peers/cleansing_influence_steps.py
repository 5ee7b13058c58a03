"""`cleansing_influence.py` with each step's whole work at the step, as one writes the R-operator down."""

from cleansing_influence import main, step_by_step

main(lambda training: {"step by step": step_by_step(training)})
