"""Whether a cluster would take a manifest: schemas of Kubernetes' minor versions, and of operators' resources."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import jsonschema
import kubernetes_validate

from manifests.charts import Manifest
from manifests.crds import Schema, schema_of

# The oldest that the charts let in; what we run our own tests on (.ci/kube), and the two after it.
KUBERNETES: Final = ("1.30", "1.34", "1.35", "1.36")


def complaints(manifest: Manifest) -> Iterator[str]:
    """What is wrong with a manifest, each with the place; a kind that nobody here knows is wrong too."""
    schema = _operators(manifest["apiVersion"], manifest["kind"])
    if schema is not None:
        yield from map(_told, jsonschema.Draft202012Validator(schema).iter_errors(manifest))
        return
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as wrong:
            yield f"Kubernetes {version}: {_told(wrong)}"
        except kubernetes_validate.SchemaNotFoundError as unknown:
            yield f"Kubernetes {version}: {unknown.message}"


@cache
def _operators(api_version: str, kind: str) -> Schema | None:
    return schema_of(api_version, kind)


def _told(wrong: jsonschema.ValidationError) -> str:
    return f"{'.'.join(map(str, wrong.absolute_path)) or 'the whole'}: {wrong.message[:300]}"
