"""The statements of queries.sql, which lies in this folder."""

from grace.kit import Queries

QUERIES = Queries.beside(__file__)
