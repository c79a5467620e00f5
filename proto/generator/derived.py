"""Writes what follows from the generated code: JSON Schemas, AsyncAPI and NATS permissions.

Run as a program with the folder to write to; `grace.contracts` must come from that same folder.
"""

import json
import sys
import tomllib
from pathlib import Path

from grace.contracts.permissions import users
from grace.contracts.registry import SCHEMAS, model_of

from .asyncapi import render_asyncapi

PROTO = Path(__file__).resolve().parents[1]
CONTRACTS = Path("libs/contracts/src/grace/contracts")


def write_schemas(folder: Path) -> None:
    """Write a JSON Schema for every message that has a subject."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for schema in sorted(SCHEMAS):
        model = model_of(schema)
        if model.SUBJECT:
            document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema}
            _write(folder / f"{schema}.json", document | model.model_json_schema())


def write_asyncapi(path: Path) -> None:
    """Write what travels over NATS, in the version of the package that carries it."""
    package = tomllib.loads((PROTO.parent / "libs/contracts/pyproject.toml").read_text())
    path.write_text(render_asyncapi(PROTO, package["project"]["version"]), encoding="utf-8")


def write_permissions(path: Path) -> None:
    """Write what each NATS user may do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {
        user: {
            "publish": rights.publish,
            "subscribe": rights.subscribe,
            "allow_responses": rights.allow_responses,
        }
        for user, rights in users().items()
    }
    _write(path, table)


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    root = Path(sys.argv[1])
    write_schemas(root / CONTRACTS / "schemas")
    write_asyncapi(root / CONTRACTS / "asyncapi.json")
    write_permissions(root / "deploy/nats/permissions.json")
