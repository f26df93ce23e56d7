"""Policies that every proxied request passes: plain functions and small objects, no framework."""
