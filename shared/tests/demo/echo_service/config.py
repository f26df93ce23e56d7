"""The echo service reads nothing of its own."""

from chassis.config import ServiceConfig

Config = ServiceConfig
