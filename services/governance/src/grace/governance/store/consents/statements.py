"""The statements of this folder's queries.sql."""

from grace.kit import Queries

QUERIES = Queries.beside(__file__)
