"""From a suite folder to a resolved config: find, merge, override, profile, library of methods."""
