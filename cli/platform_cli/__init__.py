"""The command line of the platform: starts, watches and exercises everything on one machine."""
