"""One config, one seed: load, train, predict, score, write."""
