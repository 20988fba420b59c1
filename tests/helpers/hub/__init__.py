"""A model hub on loopback and the tiny repositories it serves."""
