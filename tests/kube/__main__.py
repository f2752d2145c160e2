"""`make test-kube`: the tests of this folder, on the cluster that KUBECONFIG names. ARGS goes to pytest.

Exit code 2, with one line, when there is no cluster, no helm, no kubectl or no image.
"""

import os
import sys
from pathlib import Path

import pytest
from tests.kube import chosen

HERE = Path(__file__).parent


def main() -> None:
    try:
        choice = chosen.choose()
        print(choice, flush=True)
        choice.bring_images()
    except chosen.Impossible as impossible:
        print(f"kube: {impossible}", file=sys.stderr)
        sys.exit(2)
    os.environ["KUBE_SEED"] = str(choice.seed)
    # Only what is here: the fixtures of the other tests would look for engines of their own.
    here = [f"--confcutdir={HERE}", "--timeout=900", str(HERE)]
    # What came of the loads is worth seeing when all is well, too.
    sys.exit(pytest.main([*here, "-rfEP", "--durations=0", "--durations-min=1", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
