"""How each provider wants its requests signed; pure functions, given the time and the nonce."""
