"""Numbers in, numbers out: intervals, differences, tests, corrections, power, letters, fronts, stability."""
