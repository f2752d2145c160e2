"""The page that shows a service's OpenAPI document: Swagger UI from its package, and nothing from elsewhere."""

import html
from typing import Final

from openapi_ui_bundles import swagger_ui

from chassis.replies import Headers

_ASSETS: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
# Swagger UI styles its elements from script; all else comes from this service or is not loaded.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null
});
"""


def file(name: str, title: str) -> tuple[bytes, Headers] | None:
    """A file of the page with its headers; None when there is no such file."""
    if name == "index.html":
        return _PAGE.format(title=html.escape(title)).encode(), _headers("text/html; charset=utf-8")
    if name == "start.js":
        return _START.encode(), _headers(_ASSETS["swagger-ui-bundle.js"])
    if name in _ASSETS:
        return (swagger_ui.static_path / name).read_bytes(), _headers(_ASSETS[name])
    return None


def _headers(content_type: str) -> Headers:
    return [
        ("Content-Type", content_type),
        ("Content-Security-Policy", _POLICY),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "max-age=3600"),
    ]
