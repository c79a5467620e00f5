"""The statements of the queries.sql beside this file."""

from grace.kit import Queries

QUERIES = Queries.beside(__file__)
