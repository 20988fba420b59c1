"""Tasks: a module a kind, with all its facts: its table, what it needs, how it is encoded, learned and predicted.

The list of kinds is `bench.config.task.KINDS`. A kind's module, or the `__init__.py` of its folder, is imported
wherever a suite of that kind is read, so it loads neither torch nor transformers; what needs them is imported when it
is used.
"""
