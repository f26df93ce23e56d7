"""Shapes and formats of requests and answers; never a query."""
