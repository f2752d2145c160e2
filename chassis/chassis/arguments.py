"""Command lines that answer a mistake with one line and exit code 2."""

import argparse
from typing import NoReturn


class Arguments(argparse.ArgumentParser):
    """As argparse has it, without the usage before the error: `--help` shows that."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")
