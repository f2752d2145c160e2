"""Command lines that answer a mistake with one line and exit code 2."""

import argparse
from typing import NoReturn


class Arguments(argparse.ArgumentParser):
    """As argparse has it, without the usage before the error: `--help` shows that."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def port_number(text: str) -> int:
    """For `type=`: a TCP port that anybody may listen on, with room for a few more above it."""
    if not (text.isdecimal() and 1024 <= int(text) <= 65500):
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1024 to 65500")
    return int(text)
