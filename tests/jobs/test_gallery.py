"""The network that colours of pictures on a screen are tried out with."""

import threading

import pytest

from archivecolor.errors import UnavailableError
from archivecolor.jobs.gallery import Gallery


def test_the_network_is_loaded_once_before_it_is_needed():
    loaded, asked = threading.Event(), []

    def load():
        asked.append(1)
        loaded.set()
        return "network"

    gallery = Gallery(None, load)
    gallery.prepare()
    assert loaded.wait(60)
    gallery.prepare()
    assert gallery.brush.predictor == "network"
    assert len(asked) == 1


def test_a_network_that_cannot_be_loaded_is_told_of_where_it_is_needed():
    failed = threading.Event()

    def load():
        failed.set()
        raise UnavailableError("no device")

    gallery = Gallery(None, load)
    gallery.prepare()
    assert failed.wait(60)
    with pytest.raises(UnavailableError, match="no device"):
        _ = gallery.brush
