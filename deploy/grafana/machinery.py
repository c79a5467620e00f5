"""The dashboard of what Grace itself is made of: REST, messages, loops, servers."""

from __future__ import annotations

from panels import Dashboard, Panel, Query
from queries import RATE, per_second, quantile, within

_REFUSED = '{outcome!="ok"}'
# Every process exports these, and only those of Grace a row of an outbox.
_OF_GRACE = "and on (job, instance) grace_outbox_sent_total"

PLATFORM = Dashboard(
    "grace-platform",
    "Platform",
    "What carries it all: requests between services, messages, the log, processes.",
    [
        Panel(
            "Requests between services, p95",
            "By the service that answers.",
            [Query(quantile(0.95, "grace_rpc_duration_seconds", "service"), "{{service}}")],
            unit="s",
            bad_from=1,
        ),
        Panel(
            "Requests that were not answered well",
            "A second, by what came of them.",
            [
                Query(
                    per_second(
                        "grace_rpc_duration_seconds_count", "service", "outcome", where=_REFUSED
                    ),
                    "{{service}} {{outcome}}",
                )
            ],
            unit="reqps",
        ),
        Panel(
            "Messages handled a second",
            "By service.",
            [Query(per_second("grace_messages_handled_total", "service"), "{{service}}")],
            unit="ops",
            is_stacked=True,
        ),
        Panel(
            "One batch of messages, p95",
            "A transaction each. Slow ones wait for Postgres.",
            [Query(quantile(0.95, "grace_batch_duration_seconds", "service"), "{{service}}")],
            unit="s",
        ),
        Panel(
            "Quarantined an hour",
            "Messages that a service refused, by reason: they are kept in its table quarantine.",
            [
                Query(
                    within("grace_messages_rejected_total", "1h", "service", "reason"),
                    "{{service}} {{reason}}",
                )
            ],
            bad_from=10,
        ),
        Panel(
            "Secrets in what was told, a day",
            "Refused or removed at the gateway, or removed by intent from what came over the bus, by kind. Each was sent: replace it.",
            [
                Query(
                    within("grace_gateway_secrets_total", "1d", "kind", "fate"), "{{kind}} {{fate}}"
                ),
                Query(within("grace_intent_secrets_total", "1d", "kind"), "{{kind}} by intent"),
            ],
            bad_from=1,
        ),
        Panel(
            "Words for programs, a day",
            "Bodies with markup, shell, SQL or instructions in their texts, by kind. Grace reads them as words.",
            [Query(within("grace_gateway_suspicions_total", "1d", "kind"), "{{kind}}")],
            is_stacked=True,
        ),
        Panel(
            "Handlers and duties that failed an hour",
            "Each is tried again; the service's log has the error.",
            [
                Query(
                    within("grace_handler_failures_total", "1h", "service"), "{{service}} handlers"
                ),
                Query(within("grace_loop_failures_total", "1h", "service"), "{{service}} duties"),
            ],
            bad_from=5,
        ),
        Panel(
            "Answers of the chat an hour",
            "Degraded: somebody who was asked did not answer in time.",
            [Query(within("grace_gateway_chat_answers_total", "1h", "outcome"), "{{outcome}}")],
        ),
        Panel(
            "WebSockets",
            "Open ones, of all gateways. A gateway has 1000, a principal 16 of them (`socket_limit`, `sockets_per_principal`).",
            [Query("sum(grace_gateway_websockets)", "open")],
        ),
        Panel(
            "Events over WebSockets a second",
            "To all clients together.",
            [Query(f"sum(rate(grace_gateway_websocket_events_total{RATE}))", "events")],
            unit="ops",
        ),
        Panel(
            "WebSockets that ended an hour",
            "By close code. 1013: the client was too slow; 1008: it said too much; 4401: its key ended; 1011: it, or Grace, failed.",
            [Query(within("grace_gateway_websocket_closes_total", "1h", "code"), "{{code}}")],
            is_stacked=True,
        ),
        Panel(
            "API keys that end soon",
            "In use within the last day, and over within a week. Who reports errors with one is not heard after that.",
            [Query("max(grace_gateway_keys_ending)", "keys")],
            bad_from=1,
        ),
        Panel(
            "Passages that wait for a vector",
            "Words find them meanwhile. Growing: knowledge's embedder fails or is too slow.",
            [
                Query("max(grace_knowledge_passages_waiting)", "waiting"),
                Query("sum(increase(grace_knowledge_embedded_total[1h]))", "embedded an hour"),
                Query(
                    "sum(increase(grace_knowledge_embedding_failures_total[1h]))", "failed an hour"
                ),
            ],
        ),
        Panel(
            "Passages that were given up",
            "knowledge's embedder failed on them time and again; words find them. It tries them at each start and once a day; `failure` in knowledge.embeddings says why.",
            [Query("max(grace_knowledge_passages_given_up)", "passages")],
            bad_from=1,
        ),
        Panel(
            "Vectors that Qdrant has no copy of",
            "Where knowledge has a Qdrant. Growing: it does not answer, and PostgreSQL does in its place.",
            [
                Query("max(grace_knowledge_passages_uncopied)", "not copied"),
                Query("sum(increase(grace_knowledge_qdrant_failures_total[1h]))", "failed an hour"),
            ],
        ),
        Panel(
            "Told a second",
            "Rows of outboxes that their streams acknowledged.",
            [Query(per_second("grace_outbox_sent_total", "service"), "{{service}}")],
            unit="ops",
            is_stacked=True,
        ),
        Panel(
            "Told again an hour",
            "What streams had lost: the disks of NATS.",
            [Query(within("grace_outbox_resent_total", "1h", "stream"), "{{stream}}")],
            bad_from=1,
        ),
        Panel(
            "Into the immutable log, a second",
            "Rows that it acknowledged. Nothing, while others tell: identity is away.",
            [
                Query(
                    "sum by (service) (deriv(max by (service) (grace_audit_acknowledged)[5m:1m]))",
                    "{{service}}",
                )
            ],
            unit="ops",
        ),
        Panel(
            "Refused by NATS an hour",
            "No service asks for what it may not do: a bug, or somebody with its key.",
            [
                Query(
                    within("grace_nats_permission_violations_total", "1h", "service"), "{{service}}"
                )
            ],
            bad_from=1,
        ),
        Panel(
            "Memory",
            "Resident, by process. Growing for days without end is a leak.",
            [Query(f"process_resident_memory_bytes {_OF_GRACE}", "{{instance}}")],
            unit="bytes",
        ),
        Panel(
            "Processor",
            "Cores in use, by process.",
            [Query(f"rate(process_cpu_seconds_total{RATE}) {_OF_GRACE}", "{{instance}}")],
        ),
    ],
)
