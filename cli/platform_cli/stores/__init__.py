"""The data stores that run as ordinary child processes: Postgres, Valkey, RabbitMQ.

Each module has a class that says how its server is prepared, started and asked if it is ready, for
the supervisor, and `running(folder)`, a context manager on free ports, for tests.
"""
