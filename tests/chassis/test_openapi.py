"""The OpenAPI document: valid, complete, the same every time, and nothing is started to make it."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from chassis.auth import Role
from chassis.http import PUBLIC
from chassis.openapi import document, routes
from chassis.routes import Public


@pytest.fixture(scope="module")
def described(sample_module: ModuleType) -> dict[str, Any]:
    return document(sample_module.Sample)


def test_the_document_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == "1.2.3"


def test_every_route_is_in_it_with_its_callers(described: dict[str, Any], sample_module: ModuleType) -> None:
    declared = routes(sample_module.Sample)
    assert len(declared) == sum(len(operations) for operations in described["paths"].values())
    for method, path, who in declared:
        operation = described["paths"][path][method.lower()]
        assert operation["x-who"] == (["public"] if isinstance(who, Public) else sorted(who))
        assert operation["security"] == ([] if isinstance(who, Public) else [{"bearer": []}])
    assert ("POST", "/wishes", frozenset({Role.BUYER})) in declared
    assert ("GET", "/fruits/{name}", PUBLIC) in declared


def test_an_operation_tells_what_it_takes_and_what_it_answers(described: dict[str, Any]) -> None:
    wish = described["paths"]["/wishes"]["post"]
    assert (wish["operationId"], wish["summary"]) == ("wish", "Wish for fruit")
    assert wish["description"] == "Take a wish. The same key is the same wish."
    assert [each["name"] for each in wish["parameters"] if each["required"]] == ["Idempotency-Key"]
    assert wish["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}},
    }
    assert list(wish["responses"]) == ["201", "400", "401", "403", "409", "413", "415", "422", "503"]


def test_parameters_of_path_and_query_are_typed(described: dict[str, Any]) -> None:
    (number,) = described["paths"]["/numbers/{number}"]["get"]["parameters"]
    assert number == {
        "name": "number",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    }
    limit = next(each for each in described["paths"]["/fruits"]["get"]["parameters"] if each["name"] == "limit")
    assert (limit["in"], limit["required"], limit["schema"]["maximum"]) == ("query", False, 200)
    assert "Fruits" not in described["components"]["schemas"]


def test_a_body_with_nothing_but_defaults_is_optional(described: dict[str, Any]) -> None:
    assert described["paths"]["/slow"]["post"]["requestBody"]["required"] is False


def test_uploads_streams_and_empty_answers_are_told_as_what_they_are(described: dict[str, Any]) -> None:
    paths = described["paths"]
    assert list(paths["/prices/import"]["post"]["requestBody"]["content"]) == ["text/csv"]
    assert list(paths["/ticks"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
    assert "content" not in paths["/counties/{county}/stamp"]["post"]["responses"]["204"]


def test_every_refusal_is_a_problem(described: dict[str, Any]) -> None:
    for response in described["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]
    assert {"type", "title", "status", "detail"} <= set(described["components"]["schemas"]["Problem"]["required"])


def test_the_command_prints_the_same_text_every_time(described: dict[str, Any]) -> None:
    def printed(seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "chassis.openapi", "sample.service:Sample"],
            cwd=Path(__file__).parent,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    text = printed("1")
    assert text == printed("2")
    assert yaml.safe_load(text) == described


def test_the_service_serves_its_document(anybody: httpx.Client, described: dict[str, Any]) -> None:
    assert anybody.get("/openapi.json").json() == described


def test_the_page_loads_everything_from_the_service_itself(anybody: httpx.Client) -> None:
    page = anybody.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    assert "<script>" not in page.text
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        assert f"/docs/{name}" in page.text or name == "start.js"
        found = anybody.get(f"/docs/{name}")
        assert found.status_code == 200
        assert found.content
        assert len(found.headers.get_list("content-length")) == 1


@pytest.mark.parametrize("name", ["index.js", "..%2f..%2fsetup.py", "swagger-ui.css.map", "%00"])
def test_the_page_gives_away_no_other_file(anybody: httpx.Client, name: str) -> None:
    assert anybody.get(f"/docs/{name}").status_code == 404
