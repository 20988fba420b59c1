"""When the seeds of two sides belong together, number by number. Pure."""

from __future__ import annotations

from bench.config import SuiteConfig


def pairs_seeds(a: SuiteConfig, b: SuiteConfig) -> bool:
    """Return whether runs of one seed number are set against each other: where both sides are one method of one suite.

    A seed number fixes the order of the batches, the dropout and every fresh weight. Two runs of one method share all
    of that, so what the number does to the score drops out of their difference: in a gate it is the code that differs,
    or a setting. Two methods draw other weights from one number and spend its noise on other parameters: what they
    share is little (a correlation of about 0 over the stored results of three suites, 0.6 in the two writing suites),
    and below 0.58 the degrees of freedom that pairing costs are worth more than what it takes away.

    It is a rule over what was planned, and looks at no score: choosing the way that gives the narrower interval would
    find differences that are not there.
    """
    return (a.suite, a.method_name) == (b.suite, b.method_name)
