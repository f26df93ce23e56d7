"""The keep-alive HTTP/1.1 client of the services; knows sockets, but neither WSGI nor Flask."""
