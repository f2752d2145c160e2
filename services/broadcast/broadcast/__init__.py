"""Shanhuo broadcast: What is on screen now, and who is watching."""

from importlib.metadata import version

__version__ = version("shanhuo-broadcast")
