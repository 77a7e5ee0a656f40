"""What the tests of the film's room share."""

import pytest
from synthetic_films import HueByLuma


@pytest.fixture
def network():
    """A network that needs no weights."""
    return HueByLuma()
