"""The API gateway: one door in front of all services.

`api_gateway.app.create_app` builds it. Nothing is imported here: gunicorn's main process only needs
the settings, and gevent must replace a worker's sockets before anything has taken hold of them.
"""
