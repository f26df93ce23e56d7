"""What messages say: `catalogue/` has the texts, `registry` reads them, `rendering` fills them."""
