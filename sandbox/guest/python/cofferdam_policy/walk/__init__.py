"""The walk over the syntax tree that applies the rules, one module for each kind of thing in it.

Each module holds the part of the walk that its name says, as a class; `walker` puts them together and says which method
deals with which kind of node.
"""

from .walker import Walk

__all__ = ["Walk"]
