"""SMS providers: the port in `port`, one module for each provider, their signers in `signing`."""
