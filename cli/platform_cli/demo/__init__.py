"""A seeded catalogue and one customer's way through the shop, told in the terminal."""
