"""An OpenAPI description in docs/, and answers compared with what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support import Answer


class Description:
    """One of the files; ``whole`` is what stands in it."""

    def __init__(self, name: str) -> None:
        self.whole: dict[str, Any] = json.loads((Path(__file__).parents[1] / "docs" / name).read_text(encoding="utf-8"))

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """Follow a reference within the description."""
        while "$ref" in node:
            found: Any = self.whole
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def check_value(self, value: Any, schema: dict[str, Any]) -> None:
        # it comes with schemathesis, which there is none of for Python 3.10
        import jsonschema_rs

        jsonschema_rs.validate({"components": self.whole["components"], "allOf": [schema]}, value)

    def check_answer(self, answer: Answer, response: dict[str, Any]) -> None:
        """Compare headers and body of an answer with what is described, both ways."""
        known = {name: self.resolved(header) for name, header in response["headers"].items()}
        for name, header in known.items():
            value = answer.headers[name]
            assert value is not None or not header["required"], name
            if value is not None:
                self.check_value(int(value) if header["schema"].get("type") == "integer" else value, header["schema"])
        told = {name for name in ("Location", "Retry-After", "WWW-Authenticate", "Allow") if name in answer.headers}
        assert told <= known.keys(), f"{told - known.keys()} are not described"
        if "content" not in response:
            assert (answer.text, answer.headers["Content-Type"], answer.headers["Content-Length"]) == ("", None, None)
            return
        kind = answer.headers["Content-Type"].partition(";")[0]
        self.check_value(answer.json() if kind == "application/json" else answer.text, response["content"][kind]["schema"])
