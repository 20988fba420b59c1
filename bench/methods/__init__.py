"""How parameters are made trainable: one class for each kind of `[methods.<name>]` table, and the user's own.

base.py      what a method is, for those who write one
freezing.py  all, the head, all but some, or some of the model's own parameters
adapters.py  the methods of peft
plugins.py   methods from a user's file or an installed package
applying.py  a table -> its method -> a model that is checked to be trainable and unchanged before the first step
"""

from bench.methods.base import Method

__all__ = ["Method"]
