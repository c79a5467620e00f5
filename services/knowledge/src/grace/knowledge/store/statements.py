"""The statements of queries.sql, which lies beside this package."""

from pathlib import Path

from grace.kit import Queries

QUERIES = Queries.beside(str(Path(__file__).parent))
