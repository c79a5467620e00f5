"""The statements of queries.sql, which lies in this package."""

from grace.kit import Queries

QUERIES = Queries.beside(__file__)
