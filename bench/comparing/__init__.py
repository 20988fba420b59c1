"""Stored results against stored results: sides, comparability, differences, claims, gate, leaderboard. Pure."""
