"""What every room may use: errors, seeds, progress, processes, locks, files, the network guard, wording."""
