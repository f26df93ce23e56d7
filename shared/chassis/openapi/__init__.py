"""The OpenAPI document of a service: what decorators know of views, completed with examples."""
