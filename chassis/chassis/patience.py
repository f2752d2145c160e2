"""How much longer facts may take on a machine that others keep busy. What must be true then is the same."""

import os
from typing import Final

PATIENCE: Final = "SHANHUO_PATIENCE"


def patience() -> float:
    """How many times as long as on a machine of one's own a fact may take: SHANHUO_PATIENCE, 1 if it is not set."""
    return float(os.environ.get(PATIENCE) or 1)
