"""What every service stands on. Holds no business word and imports no service."""

__version__ = "0.1.0"
