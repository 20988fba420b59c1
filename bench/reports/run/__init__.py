"""The page of a run: all seeds of one config, set beside the measured baseline and the documented claims."""

from bench.reports.run.writing import assemble, rebuild, write_cell_report, write_report

__all__ = ["assemble", "rebuild", "write_cell_report", "write_report"]
