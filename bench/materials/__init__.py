"""Pinned rows, texts and weights: where bytes come from, and what is made of them before a run."""
