"""The servers Grace embeds: Postgres and NATS as child processes on one machine."""
