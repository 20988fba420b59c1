"""Leaderboards: the stored methods of a suite, side by side."""
