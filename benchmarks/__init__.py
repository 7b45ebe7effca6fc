"""Fit, measure and compare heads on stored features.

`statistics` computes figures. `evaluation` makes one run: one head on one feature set and one fold. `grid` makes all
runs of a benchmark, `checks` finds what weakens their figures, and `report` shows them. `fitting` fits a single head
and makes its bundle. `compare` is `cli benchmark`, from the store to the report; `demo` and `paper` use it, too.
`speed` measures time and memory.
"""
