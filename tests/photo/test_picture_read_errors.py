"""A disk that fails is no damaged picture."""

import errno
import os

import pytest

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.base import naming_read_errors


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_fails_is_named(number, tmp_path):
    with pytest.raises(ItemError) as caught, naming_read_errors(tmp_path / "a.jpg"):
        raise OSError(number, os.strerror(number))
    assert caught.value.reason is Reason.READ_ERROR
