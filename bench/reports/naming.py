"""What a report is called, and whether its config can be named by suite, profile and method alone."""

from __future__ import annotations

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.suites.resolve import load_suite, resolve


def report_stem(config: SuiteConfig) -> str:
    """Return the name of a report's files, without suffix.

    `<suite>-<profile>` for the default method; with the method for the others; with the config key where settings
    differ from the suite's, so that an experiment never replaces the report of the suite as it stands.
    """
    stem = f"{config.suite}-{config.profile}"
    if config.method_name != _default_method(config):
        stem += f"-{config.method_name}"
    return stem if is_as_shipped(config) else f"{stem}-{config.key}"


def is_as_shipped(config: SuiteConfig) -> bool:
    """Return whether the suite, under this profile and method and with nothing set, resolves to this config."""
    try:
        shipped = resolve(load_suite(f"suites/{config.suite}"), profile=config.profile, method=config.method_name)
    except InputError:
        return False
    return shipped.key == config.key


def _default_method(config: SuiteConfig) -> str | None:
    """Return the profile's default method, or None where the suite's folder has moved since the run."""
    try:
        return load_suite(f"suites/{config.suite}").default_method(config.profile)
    except (InputError, KeyError):
        return None


def leaderboard_stem(suite: str, profile: str) -> str:
    """Return the name of a leaderboard's files, without suffix."""
    return f"{suite}-{profile}-leaderboard"
