"""Many runs: sweeps and studies."""
