"""`python -m manifests`: makes what the platform's chart has from the contracts; checks charts without a cluster."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from manifests import charts, crds, generated, policies, schemas, tools
from stack.arguments import Arguments


def main(words: list[str] | None = None) -> int:
    """Run one command; exit code 0 as it should be, 1 something is wrong, 2 it could not be told."""
    asked = _parser().parse_args(words)
    try:
        if asked.command == "generate":
            return _compare() if asked.check else _write()
        if asked.command == "helm":
            print(tools.helm())
            return 0
        return _take(asked.definitions) if asked.command == "crds" else _check()
    except tools.Missing as missing:
        print(f"manifests: {missing}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = Arguments(prog="manifests", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser(
        "generate", help="Kafka's topics and users, and the names of settings, from their sources"
    )
    making.add_argument("--check", action="store_true", help="write nothing; exit 1 naming each file that differs")
    commands.add_parser("check", help="lint, render and validate every chart with every set of values")
    commands.add_parser("helm", help="print where Helm is; it is built first where there is none")
    taking = commands.add_parser("crds", help="take the schemas out of operators' resource definitions")
    taking.add_argument("definitions", nargs="+", type=Path, metavar="FILE")
    return parser


def _write() -> int:
    for name in generated.write():
        print(f"deploy/{name}")
    return 0


def _compare() -> int:
    drifted = list(generated.drift())
    for name, difference in drifted:
        print(f"deploy/{name} is not what the contracts and settings say; run `make manifests`\n{difference}")
    return 1 if drifted else 0


def _take(definitions: list[Path]) -> int:
    for path in crds.take(definitions):
        print(f"deploy/schemas/{path.name}")
    return 0


def _check() -> int:
    began = time.monotonic()
    helm, checkov = tools.helm(), tools.checkov()
    found: list[str] = []
    manifests = _rendered(helm, found)
    found += [f"{one}: {wrong}" for one, manifest in manifests for wrong in _invalid(manifest)]
    with tempfile.TemporaryDirectory() as folder:
        found += policies.complaints(checkov, [manifest for _, manifest in manifests], Path(folder))
    for wrong in found:
        print(wrong)
    looked_at = f"{len(list(charts.value_sets()))} sets of values, {len(manifests)} different resources"
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{looked_at}, Kubernetes {', '.join(schemas.KUBERNETES)}: {len(found) or 'nothing'} to mend ({took})")
    return 1 if found else 0


def _rendered(helm: Path, found: list[str]) -> list[tuple[charts.ValueSet, charts.Manifest]]:
    """Every resource once, with the first set of values that makes it; what Helm refuses is told."""
    different: dict[str, tuple[charts.ValueSet, charts.Manifest]] = {}
    for one in charts.value_sets():
        try:
            charts.lint(helm, one, schemas.KUBERNETES[0])
            for manifest in charts.template(helm, one, schemas.KUBERNETES[0]):
                different.setdefault(json.dumps(manifest, sort_keys=True), (one, manifest))
        except charts.Refused as refused:
            found.append(f"{one}: {refused}")
    return list(different.values())


def _invalid(manifest: charts.Manifest) -> Iterator[str]:
    for wrong in schemas.complaints(manifest):
        yield f"{manifest['kind']} {manifest['metadata']['name']}: {wrong}"


if __name__ == "__main__":
    sys.exit(main())
