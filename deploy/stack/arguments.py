"""Command lines that answer a mistake with one line and exit code 2, and what several of them take."""

import argparse

from chassis.arguments import Arguments

__all__ = ["Arguments", "port_number", "whole_number"]


def port_number(text: str) -> int:
    """For `type=`: a TCP port that anybody may listen on, with room for a few more above it."""
    if not (text.isdecimal() and 1024 <= int(text) <= 65500):
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1024 to 65500")
    return int(text)


def whole_number(text: str) -> int:
    """For `type=`: from 0 to a million."""
    if not (text.isdecimal() and int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to 1000000")
    return int(text)
