"""`make bench`: speed, memory and growth, each as a ratio against a named reference measured in the same run.

Each module without an underscore measures one thing: its docstring names the reference and the bar, its
`measure(folder, small)` returns rows. A new measurement is one new file.
"""
