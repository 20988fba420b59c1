"""The tables of docs/calibration.md: what intervals and verdicts promise, simulated where the truth is known.

A table is a `Section` in a file of its own, listed in `calibration.page`.
`python docs/write_calibration.py` makes them.
"""
