"""A disk that fails is no damaged picture."""

import errno
import os

import pytest

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.reading import naming_read_errors


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_fails_is_named(number):
    with pytest.raises(ItemError) as caught, naming_read_errors():
        raise OSError(number, os.strerror(number))
    assert caught.value.reason is Reason.READ_ERROR
