"""A disk that fails is neither a damaged film nor an end of the run."""

import errno
import os

import pytest

from archivecolor.errors import ItemError, Reason
from archivecolor.film.probe import film_errors


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_fails_is_named_and_costs_the_film(number):
    with pytest.raises(ItemError) as caught, film_errors():
        raise OSError(number, os.strerror(number), "film.mp4")
    assert caught.value.reason is Reason.READ_ERROR
