from payment_service.providers.sandbox.provider import SandboxProvider

__all__ = ["SandboxProvider"]
