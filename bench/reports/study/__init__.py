"""The page of a study."""

from bench.reports.study.report import values_of, write_report

__all__ = ["values_of", "write_report"]
