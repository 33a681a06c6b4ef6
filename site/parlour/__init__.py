"""Parlour: a chat site that any browser can use."""

__version__ = "0.1.0"
