"""The page of a study."""

from bench.reports.study.values import values_of
from bench.reports.study.writing import write_report

__all__ = ["values_of", "write_report"]
