"""The HTTP API: views are decorators and one call."""

from product_service.routes import audit, categories, imports, products, stock

blueprints = (
    products.blp,
    categories.blp,
    stock.blp,
    imports.blp,
    audit.blp,
)
