"""Fixtures of the CLI's tests: they start real programs and look at real processes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own, which is closed to other users."""
    path = Path(tempfile.mkdtemp(prefix="platform-"))
    os.chmod(path, 0o777)
    yield path
    shutil.rmtree(path, ignore_errors=True)
