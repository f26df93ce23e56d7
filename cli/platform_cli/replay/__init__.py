"""Replay a day of a real shop, in the Online Retail column format, through the gateway."""
