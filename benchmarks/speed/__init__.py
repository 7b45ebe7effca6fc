"""`make bench`: speed, memory and growth, each as a ratio against a named reference measured in the same run.

Every module here that does not start with an underscore measures one thing: its docstring says what against what and
which bar must hold, its `measure(folder, small)` returns rows. A new measurement is one new file.
"""
