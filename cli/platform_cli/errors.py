"""What ends a command with one line for people and exit code 1."""


class PlatformError(Exception):
    """A foreseen failure; the message names the cause and, if there is one, the way out."""
