"""What the AsyncAPI document says that no message says: the server, keys, headers, parameters."""

from typing import Any, Final

from grace.contracts.subjects import SERVICES

Json = dict[str, Any]

INFO: Final[Json] = {
    "title": "Grace over NATS",
    "description": (
        "Every subject of Grace: what travels on it, who publishes and who reads it. Bodies are "
        "JSON, the envelope is NATS headers. Seen from Grace: `receive` is what Grace takes from "
        "programs outside, `send` is what its own services say, to each other and to readers "
        "outside. The user `outside` may publish what has `outside` among `x-publishers`, and "
        "read what has it among `x-readers`; NATS refuses it everything else. A message in a "
        "stream proves nothing by being there: its signature does."
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
}

SERVER: Final[Json] = {
    "host": "127.0.0.1:{port}",
    "protocol": "nats",
    "description": "NATS with JetStream. Inboxes begin with `_INBOX_<user>.`, nothing else is read.",
    "variables": {
        "port": {
            "default": "4222",
            "description": "`grace up` takes a free one and writes it into <data>/nats/client.port.",
        }
    },
    "security": [{"$ref": "#/components/securitySchemes/nkey"}],
    "bindings": {"nats": {}},
}

SECURITY: Final[Json] = {
    "nkey": {
        "type": "asymmetricEncryption",
        "description": (
            "A NATS nkey: the client signs the server's nonce with the user's seed. One user for "
            "each service, and `outside` for everybody else."
        ),
    }
}

PARAMETERS: Final[Json] = {
    "service": {
        "description": "The publisher's own name; of who is asked, in a question to each service.",
        "enum": list(SERVICES),
    },
    "kernel": {"description": "A family of operations.", "examples": ["postgres", "filesystem"]},
}

_UUID7: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_PROPERTIES: Final[Json] = {
    "Nats-Msg-Id": {
        "type": "string",
        "description": "Names the message: a stream drops a repeat, a reader handles it once.",
    },
    "Grace-Schema": {
        "type": "string",
        "description": "Which message it is; else the subject's first.",
    },
    "Grace-Tenant": {
        "type": "string",
        "pattern": "^[A-Za-z0-9._:-]{1,128}$",
        "description": "Believed of signed messages only; else the tenant is `default`.",
    },
    "Grace-Key-Id": {"type": "string", "description": "The component key that signed."},
    "Grace-Signature": {
        "type": "string",
        "contentEncoding": "base64",
        "description": "Ed25519 over the pre-authentication encoding of subject, id and body.",
    },
    "correlation-id": {"type": "string", "description": "The same through a whole story."},
    "traceparent": {"type": "string", "description": "W3C trace context."},
}

HEADERS: Final[Json] = {
    "headers-answer": {
        "type": "object",
        "description": "An answer goes to the asker's own inbox; without its schema it is refused.",
        "properties": {"Grace-Schema": _PROPERTIES["Grace-Schema"]},
        "required": ["Grace-Schema"],
    },
    "headers-signature-optional": {
        "type": "object",
        "description": "The envelope. Anybody may send it; what is signed must be signed rightly.",
        "properties": _PROPERTIES,
    },
    "headers-signature-required": {
        "type": "object",
        "description": "The envelope, signed by a component that may publish the subject.",
        "properties": {
            **_PROPERTIES,
            "Nats-Msg-Id": {
                "type": "string",
                "pattern": _UUID7,
                "description": "A UUIDv7: names the message, and says when it was issued.",
            },
        },
        "required": ["Nats-Msg-Id", "Grace-Key-Id", "Grace-Signature"],
    },
}
