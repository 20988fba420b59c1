"""Pages for people: a run, a suite, a leaderboard, a study, a gate. Pure."""
