"""`/docs` and `/openapi.json`: one document for all services, put together from theirs."""
