"""What is stored and where: records, predictions, baselines, noise, provenance; `store` alone knows paths."""
