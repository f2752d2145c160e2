"""Where the sample data are: beside this package in the repository, inside it where it was installed from a wheel."""

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
DATA: Final = next(path for path in (_HERE.parent / "data", _HERE / "data", _HERE) if path.is_dir())
