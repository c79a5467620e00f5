"""Turns proto/ into what is committed: models, tables, schemas, permissions, documents."""
