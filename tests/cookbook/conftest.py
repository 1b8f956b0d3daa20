from pathlib import Path

import pytest

from cookbook.cooking import Cook, Dish


@pytest.fixture
def cook(tmp_path: Path) -> Cook:
    """Gives the watch of the cookbook that has this name."""
    return lambda name: Dish(name, tmp_path)
