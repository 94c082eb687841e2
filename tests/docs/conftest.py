"""The manual and the script that writes its reference."""

import importlib.util

import pytest

from .pages import ROOT


@pytest.fixture(scope="session")
def generator():
    """scripts/generate_reference.py as a module."""
    spec = importlib.util.spec_from_file_location(
        "generate_reference", ROOT / "scripts/generate_reference.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root():
    """The repository."""
    return ROOT
