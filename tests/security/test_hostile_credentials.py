"""Credentials of strangers are read within bounds: of time, of memory, and of how deep they lie."""

import io
import json
import re
import time

import c2pa
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from archivecolor.cli.main import main
from archivecolor.metadata.credentials.embedding import BYTES, SETTINGS
from archivecolor.metadata.credentials.reading import Standing, read_back
from archivecolor.metadata.credentials.statement import HUMAN_EDITS

LABEL = re.compile(rb"urn:c2pa:[0-9a-f-]{36}")


@pytest.fixture(scope="module")
def info(tmp_path_factory):
    """Who signs."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    assert main(["credentials", "new", str(keys), "--name", "Stranger", "-q"]) == 0
    chain, key = next(keys.glob("signing-*[0-9].pem")), next(keys.glob("signing-*key.pem"))
    return c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain.read_bytes(), key.read_bytes(), None)


@pytest.fixture(scope="module")
def plain():
    contents = io.BytesIO()
    Image.fromarray(np.full((8, 8), 100, np.uint8)).save(contents, "PNG")
    return contents.getvalue()


def signed(plain, info, parents=(), **settings):
    """A PNG with credentials in it, that names parents, and those credentials."""
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent0"]}}
    created = {"action": "c2pa.created", "digitalSourceType": HUMAN_EDITS}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [opened if parents else created]}}
    definition = {"claim_generator_info": [{"name": "stranger"}], "assertions": [actions]}
    builder = c2pa.Builder(definition, c2pa.Context.from_dict(SETTINGS | settings))
    for number, parent in enumerate(parents):
        relation = "componentOf" if number else "parentOf"
        about = {"title": "a", "relationship": relation, "label": f"parent{number}"}
        builder.add_ingredient(json.dumps(about), "image/png", io.BytesIO(parent))
    out = io.BytesIO()
    manifest = builder.sign(c2pa.Signer.from_info(info), "image/png", io.BytesIO(plain), out)
    return out.getvalue(), manifest


def standing(plain, manifest):
    """How a manifest beside a picture stands; reading it takes no longer than a picture may."""
    began = time.process_time()
    found = read_back(BYTES, io.BytesIO(plain), manifest)
    assert time.process_time() - began < 5
    return found


def test_boxes_within_boxes_and_torn_ones(plain, info):
    _, manifest = signed(plain, info)
    description = manifest[8 : 8 + int.from_bytes(manifest[8:12], "big")]
    boxes = 50_000
    lengths = [(8 + len(description)) * (boxes - number) for number in range(boxes)]
    deep = b"".join(length.to_bytes(4, "big") + b"jumb" + description for length in lengths)
    for hostile in (deep, manifest[:200], b"\xff" * 4000, manifest[:40] * 1000, b""):
        assert standing(plain, hostile).standing in (Standing.CHANGED, Standing.MISSING)


def test_a_scan_that_is_its_own_parent(plain, info):
    parent, _ = signed(plain, info)
    _, manifest = signed(plain, info, [parent])
    first, second = dict.fromkeys(LABEL.findall(manifest))
    for old, new in ((first, second), (second, first)):
        found = standing(plain, manifest.replace(old, new))
        assert found.standing is Standing.CHANGED
        assert "cyclic" in found.detail


def test_parents_that_are_named_twice_in_every_generation(plain, info):
    picture, _ = signed(plain, info)
    for _ in range(16):  # 65,536 ways to the first
        picture, _ = signed(plain, info, [picture, picture])
    began = time.process_time()
    assert read_back("image/png", io.BytesIO(picture)).standing is Standing.VALID
    assert time.process_time() - began < 5


def test_a_manifest_that_unpacks_to_a_gigabyte(plain, info):
    _, manifest = signed(plain, info, core={"prefer_compress_manifests": True})
    start = manifest.index(b"brob")
    end = start - 4 + int.from_bytes(manifest[start - 4 : start], "big")
    bomb = imagecodecs.brotli_encode(bytes(1 << 28), level=5)
    bomb = (8 + len(bomb)).to_bytes(4, "big") + b"brob" + bomb
    hostile = bytearray(manifest[: start - 4] + bomb + manifest[end:])
    grown = len(hostile) - len(manifest)
    for box in re.finditer(b"jumb", manifest[: start - 4]):
        place = slice(box.start() - 4, box.start())
        hostile[place] = (int.from_bytes(hostile[place], "big") + grown).to_bytes(4, "big")
    found = standing(plain, bytes(hostile))
    assert found.standing is Standing.CHANGED
    assert "exceeds maximum size" in found.detail
