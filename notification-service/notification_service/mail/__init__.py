"""Mails: the port in `port`, a module for each transport, the message itself in `compose`."""
