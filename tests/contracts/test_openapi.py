"""The committed OpenAPI document of every service is valid, is what its routes say, and tells who may call what."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from contracts.readers import READERS
from stack import openapi

METHODS = {"get", "put", "post", "delete", "patch"}


def committed(service: str) -> dict[str, Any]:
    """The document as a reader finds it in the repository."""
    found: dict[str, Any] = yaml.safe_load((openapi.FOLDER / f"{service}.yaml").read_text(encoding="utf-8"))
    return found


def test_what_is_committed_is_what_the_routes_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert openapi.main(["--check"]) == 0, capsys.readouterr().out


def test_drift_is_told_by_file_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents = {"orders.yaml": "openapi: 3.1.0\n", "catalog.yaml": "openapi: 3.1.0\n"}
    assert openapi.write(tmp_path, documents) == 0
    (tmp_path / "orders.yaml").write_text("openapi: 3.0.0\n")
    capsys.readouterr()

    assert openapi.check(tmp_path, documents) == 1
    told = capsys.readouterr().out
    assert told.startswith("openapi/orders.yaml is not what the routes say; run `make contracts`\n")
    assert "-openapi: 3.0.0\n+openapi: 3.1.0" in told
    assert "catalog" not in told

    assert openapi.write(tmp_path, documents) == 0
    assert capsys.readouterr().out == "openapi/orders.yaml\n"
    assert openapi.check(tmp_path, documents) == 0


@pytest.mark.parametrize("service", READERS)
def test_a_document_keeps_to_openapi_3_1(service: str) -> None:
    document = committed(service)
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.parametrize("service", READERS)
def test_every_operation_has_a_summary_and_says_what_it_answers(service: str) -> None:
    for path, routes in committed(service)["paths"].items():
        for method in METHODS & routes.keys():
            operation = routes[method]
            assert operation.get("summary"), (method, path)
            assert operation["responses"], (method, path)
