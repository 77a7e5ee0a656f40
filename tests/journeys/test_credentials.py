"""`--credentials`: signed last of all, read back, and found out where somebody changed what was signed."""

import io
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import c2pa
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from small_archive import grey_of

import archivecolor
from archivecolor.cli.main import main
from archivecolor.colour.guidance import Hint
from archivecolor.errors import ExitCode, ItemError, UnavailableError
from archivecolor.metadata.credentials import making
from archivecolor.metadata.credentials.embedding import SETTINGS, check_credentials
from archivecolor.metadata.credentials.reading import Standing, read_back
from archivecolor.metadata.credentials.signing import read_credentials
from archivecolor.metadata.credentials.statement import HUMAN_EDITS
from archivecolor.metadata.provenance import DIGITAL_SOURCE_TYPE

NAME = "City Archive"
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "tif": "image/tiff", "webp": "image/webp"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder of credentials."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    assert main(["credentials", "new", str(folder), "--name", NAME, "-q"]) == 0
    return folder


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A picture in six containers, and a TIFF of two pages."""
    folder = tmp_path_factory.mktemp("scans")
    picture = grey_of("camera", (120, 160))
    codes = np.asarray(picture)
    for suffix in ("png", "jpg", "tif", "pgm"):
        picture.save(folder / f"camera.{suffix}")
    picture.convert("RGB").save(folder / "camera.webp", lossless=True)
    jp2 = imagecodecs.jpeg2k_encode(codes, level=0, reversible=True, codecformat="jp2")
    (folder / "camera.jp2").write_bytes(jp2)
    with tifffile.TiffWriter(folder / "pages.tif") as tiff:
        for _ in range(2):
            tiff.write(codes, photometric="minisblack")
    return folder


@pytest.fixture(scope="module")
def plain(scans, tmp_path_factory, command_words):
    """The same coloured, and signed by nobody."""
    out = tmp_path_factory.mktemp("plain")
    assert main([str(word) for word in command_words("dir", scans, out)[3:]]) == 0
    return out


@pytest.fixture(scope="module")
def signed_once(scans, keys, tmp_path_factory, command_words):
    """The same coloured and signed; not to be changed."""
    out = tmp_path_factory.mktemp("signed")
    words = command_words("dir", scans, out, "--credentials", keys / "credentials.toml")
    assert main([str(word) for word in words[3:]]) == 0
    return out


@pytest.fixture
def signed(signed_once, tmp_path):
    """A copy of that."""
    return shutil.copytree(signed_once, tmp_path / "signed", copy_function=shutil.copy2)


def pixels(path):
    if path.suffix == ".jp2":
        return imagecodecs.jpeg2k_decode(path.read_bytes())
    return tifffile.imread(path) if path.suffix == ".tif" else np.asarray(Image.open(path))


def read(path, roots=""):
    """The credentials of a file, in it or beside it."""
    beside = path.with_name(path.name + ".c2pa")
    manifest = beside.read_bytes() if beside.exists() else None
    media_type = "application/octet-stream" if manifest is not None else MEDIA_TYPES[path.suffix[1:]]
    return read_back(media_type, io.BytesIO(path.read_bytes()), manifest, roots)


def records(out):
    lines = (out / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {values["path"]: values for values in map(json.loads, lines)}


def test_every_container_is_signed_and_its_picture_as_without(signed, plain, keys):
    roots = (keys / "root.pem").read_text()
    for record in records(signed).values():
        name = record["output"]["path"]
        found = read(signed / name, roots)
        assert (found.standing, found.detail) == (Standing.VALID, f"signed by {NAME}"), name
        assert found.tool.startswith("archivecolor ")
        assert len(record["certificate"]) == 64
        assert np.array_equal(pixels(signed / name), pixels(plain / name)), name
        assert (
            len(tifffile.TiffFile(signed / name).pages) == 1 + (name == "pages.tif")
            if ".tif" in name
            else True
        )
    beside = {path.name for path in signed.iterdir()} - {path.name for path in plain.iterdir()}
    assert beside == {"camera.jp2.c2pa", "camera.ppm.c2pa", "pages.tif.c2pa"}
    assert (signed / "camera.ppm").read_bytes() == (plain / "camera.ppm").read_bytes()


def test_they_say_what_was_done_by_what_and_of_what(signed):
    record = records(signed)["camera.jpg"]
    opened, invented = read(signed / "camera.jpg").actions
    assert opened["action"] == "c2pa.opened"
    assert invented["digitalSourceType"] == DIGITAL_SOURCE_TYPE
    said = invented["parameters"]
    assert said["archivecolor.luma"] == record["luma"] == "coefficients"
    assert (said["archivecolor.weights"], said["archivecolor.runtime"]) == (
        record["weights"],
        record["runtime"],
    )
    with (signed / "camera.jpg").open("rb") as file:
        reader = c2pa.Reader("image/jpeg", file, None, c2pa.Context.from_dict(SETTINGS))
        (parent,) = reader.get_active_manifest()["ingredients"]
    assert parent["instance_id"] == f"urn:sha256:{record['source']['sha256']}"
    assert (parent["title"], parent["relationship"]) == ("camera.jpg", "parentOf")
    assert "thumbnail" not in parent


def test_a_rerun_signs_nothing_anew_and_asking_for_it_later_makes_anew(
    signed, scans, plain, keys, here, tmp_path
):
    words = ("--credentials", keys / "credentials.toml")
    assert here("dir", scans, signed, *words).stderr.startswith("dir: 0 done; 7 up to date")
    out = shutil.copytree(plain, tmp_path / "later", copy_function=shutil.copy2)
    assert here("dir", scans, out, *words).stderr.startswith("dir: 7 done")


def test_verify_finds_what_was_changed(signed, keys, here):
    trusted = ("--trust", keys / "root.pem")
    whole = here("verify", signed, *trusted)
    assert whole.returncode == 0
    assert "7 with credentials that are whole and lead to a trusted certificate" in whole.stderr
    changed = signed / "camera.png"
    contents = bytearray(changed.read_bytes())
    contents[-20] ^= 1
    changed.write_bytes(contents)
    (signed / "camera.ppm.c2pa").unlink()
    (signed / "camera.jp2.c2pa").write_bytes((signed / "pages.tif.c2pa").read_bytes())
    done = here("verify", signed, *trusted)
    assert done.returncode == ExitCode.VERIFY
    assert "4 with credentials that are whole" in done.stderr
    found = dict(line.split()[:2][::-1] for line in done.stdout.splitlines())
    expected = {"png": "changed", "ppm": "credentials-missing", "jp2": "credentials-changed"}
    assert found == {f"camera.{suffix}": kind for suffix, kind in expected.items()}


def test_one_byte_or_one_word_of_metadata_and_the_signature_does_not_hold(signed, tmp_path):
    for name in ("camera.jpg", "camera.png", "camera.webp", "camera.tif"):
        contents = (signed / name).read_bytes()
        at = contents.index(b"compositeWithTrainedAlgorithmicMedia")
        for place in (at, len(contents) - 30):
            broken = bytearray(contents)
            broken[place] ^= 4
            (tmp_path / name).write_bytes(broken)
            assert read(tmp_path / name).standing is Standing.CHANGED, (name, place)


def test_strangers_are_not_trusted(signed, tmp_path, here):
    assert main(["credentials", "new", str(tmp_path / "other"), "--name", NAME, "-q"]) == 0
    done = here("verify", signed, "--trust", tmp_path / "other" / "root.pem")
    assert done.returncode == ExitCode.VERIFY
    assert done.stdout.count("credentials-untrusted") == 7
    assert here("verify", signed, "--trust", signed / "camera.png").returncode == ExitCode.USAGE


def test_credentials_of_the_scan_are_kept_within_and_not_lost(signed, plain, scans, keys, here, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("camera.png", "camera.jpg", "camera.tif", "camera.webp"):
        grey = tmp_path / "grey" / name
        grey.parent.mkdir(exist_ok=True)
        tool = {"claim_generator_info": [{"name": "scanner", "version": "1"}], "assertions": []}
        tool["assertions"].append(
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": HUMAN_EDITS}]},
            }
        )
        context = c2pa.Context.from_dict(SETTINGS)
        certificates = next(keys.glob("signing-*[0-9].pem")).read_bytes()
        key = next(keys.glob("signing-*key.pem")).read_bytes()
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, certificates, key, None)
        )
        with (scans / name).open("rb") as scan, (tmp_path / "in" / name).open("wb+") as out:
            c2pa.Builder(tool, context).sign(signer, MEDIA_TYPES[grey.suffix[1:]], scan, out)
    out = tmp_path / "out2"
    assert here("dir", tmp_path / "in", out, "--credentials", keys / "credentials.toml").returncode == 0
    for name, record in records(out).items():
        assert record["lost"] == [], name
        with (out / name).open("rb") as file:
            context = c2pa.Context.from_dict(SETTINGS)
            reader = c2pa.Reader(MEDIA_TYPES[Path(name).suffix[1:]], file, None, context)
            tools = {
                found["claim_generator_info"][0]["name"]
                for found in json.loads(reader.json())["manifests"].values()
            }
        assert tools == {"scanner", "archivecolor"}, name


def test_what_people_did_is_theirs(scans, keys, checkpoint, tmp_path):
    predictor = archivecolor.load_predictor(checkpoint, device="cpu", working_size=64)
    hint = Hint(0.3, 0.8, (200, 60, 30))
    file = keys / "credentials.toml"
    archivecolor.colour_file(
        scans / "camera.png", tmp_path / "a.png", predictor, hints=[hint], credentials=file
    )
    *_, person = read(tmp_path / "a.png").actions
    assert person["digitalSourceType"] == HUMAN_EDITS
    assert "#c83c1e" in person["description"] or "200" in person["description"]


def test_what_is_corrected_later_is_signed_as_the_run_was(signed, keys):
    assert main(["correct", str(signed), "camera.png", "--hint", "50%,50%=red"]) == 0
    found = read(signed / "camera.png", (keys / "root.pem").read_text())
    assert (found.standing, found.detail) == (Standing.VALID, f"signed by {NAME}")
    assert main(["correct", str(signed), "camera.jpg", "--accept"]) == 0


@pytest.mark.parametrize("calls", ["command", "timestamp"])
def test_what_an_archive_says_of_its_last_run_runs_nothing(signed, keys, capsys, tmp_path, calls):
    for file in keys.glob("*.pem"):
        shutil.copy(file, tmp_path)
    text = (keys / "credentials.toml").read_text()
    ran = tmp_path / "ran"
    key = next(line for line in text.splitlines() if line.startswith("key"))
    changed = text.replace(key, f'command = ["touch", "{ran}"]')
    theirs = tmp_path / "theirs.toml"
    theirs.write_text(changed if calls == "command" else f'{text}\ntimestamp = "http://127.0.0.1:9"\n')
    run_json = signed / "_archivecolor" / "run.json"
    summary = json.loads(run_json.read_text())
    summary["settings"]["credentials"] = str(theirs)
    run_json.write_text(json.dumps(summary))
    assert main(["correct", str(signed), "camera.png", "--hint", "50%,50%=red"]) == 2
    assert "run.json alone is no reason" in capsys.readouterr().err
    assert not ran.exists()
    assert main(["correct", str(signed), "camera.png", "--hint", "50%,50%=red", "--later"]) == 0


def test_a_command_may_hold_the_key(scans, keys, here, tmp_path):
    key = next(keys.glob("signing-*key.pem"))
    chain = next(keys.glob("signing-*[0-9].pem"))
    file = tmp_path / "hsm.toml"
    command = json.dumps(["openssl", "dgst", "-sha256", "-sign", str(key)])
    file.write_text(f'certificates = "{chain}"\ncommand = {command}\n')
    assert (
        here("photo", scans / "camera.png", "-o", tmp_path / "a.png", "--credentials", file).returncode == 0
    )
    assert read(tmp_path / "a.png", (keys / "root.pem").read_text()).standing is Standing.VALID
    script = tmp_path / "sign"
    script.write_text(f"#!/bin/sh\nexec openssl dgst -sha256 -sign '{key}'\n")
    script.chmod(0o755)
    file.write_text(f'certificates = "{chain}"\ncommand = ["./sign"]\n')
    done = here("photo", scans / "camera.png", "-o", tmp_path / "c.png", "--credentials", file)
    assert done.returncode == 0, done.stderr
    file.write_text(f'certificates = "{chain}"\ncommand = ["false"]\n')
    done = here("photo", scans / "camera.png", "-o", tmp_path / "b.png", "--credentials", file)
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "the command that signs ended with 1" in done.stderr
    assert not (tmp_path / "b.png").exists()


def test_a_key_with_a_password_is_for_a_command(scans, keys, here, tmp_path, monkeypatch):
    chain, key = next(keys.glob("signing-*[0-9].pem")), next(keys.glob("signing-*key.pem"))
    words = ["openssl", "pkcs8", "-topk8", "-in", key, "-out", tmp_path / "locked.pem", "-passout"]
    subprocess.run([*words, "pass:open sesame"], check=True, timeout=60)
    file = of_folder(tmp_path, certificates=str(chain), key="locked.pem")
    done = here("photo", scans / "camera.png", "-o", tmp_path / "a.png", "--credentials", file)
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "the key has a password" in done.stderr
    command = ["openssl", "dgst", "-sha256", "-sign", str(tmp_path / "locked.pem"), "-passin", "env:SESAME"]
    file = of_folder(tmp_path, certificates=str(chain), command=command)
    monkeypatch.setenv("SESAME", "open sesame")
    done = here(
        "photo",
        scans / "camera.png",
        "-o",
        tmp_path / "a.png",
        "--credentials",
        file,
        "-v",
        "--log-file",
        tmp_path / "log",
    )
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "a.png", (keys / "root.pem").read_text()).standing is Standing.VALID
    assert "sesame" not in done.stderr + done.stdout + (tmp_path / "log").read_text()


def test_credentials_that_cannot_follow_a_picture_are_not_lost_unsaid(scans, keys, checkpoint, here):
    file = keys / "credentials.toml"
    done = here("photo", scans / "camera.pgm", "-o", "-", "--credentials", file)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert "does not hold its credentials" in done.stderr
    predictor = archivecolor.load_predictor(checkpoint, device="cpu", working_size=64)
    with pytest.raises(ItemError, match="does not hold its credentials"):
        archivecolor.colour_bytes((scans / "camera.pgm").read_bytes(), predictor, credentials=file)
    made = archivecolor.colour_bytes((scans / "camera.jpg").read_bytes(), predictor, credentials=file)
    assert read_back("image/jpeg", io.BytesIO(made)).standing is Standing.VALID


def of_folder(folder, **values):
    (folder / "c.toml").write_text(
        "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    )
    return folder / "c.toml"


def test_what_cannot_sign_is_refused_before_the_first_picture(scans, keys, here, tmp_path):
    chain, key = next(keys.glob("signing-*[0-9].pem")), next(keys.glob("signing-*key.pem"))
    secret = key.read_text().splitlines()[1]
    (tmp_path / "torn.pem").write_text(key.read_text()[:120])
    (tmp_path / "torn.toml").write_text("certificates = ")
    cases = {
        "No such file": tmp_path / "none.toml",
        "no TOML": tmp_path / "torn.toml",
        "either a key or a command": {"certificates": str(chain)},
        "known are": {"certificates": str(chain), "key": str(key), "pasword": "x"},
        "No such file or directory": {"certificates": str(chain), "key": "gone.pem"},
        "no PKCS#8": {"certificates": str(chain), "key": "torn.pem"},
        "not that of the signing": {"certificates": str(chain), "key": str(keys / "root-key.pem")},
        "no PEM file": {"certificates": str(key), "key": str(key)},
        "address of a service": {"certificates": str(chain), "key": str(key), "timestamp": "ftp://x"},
    }
    for words, case in cases.items():
        file = case if isinstance(case, Path) else of_folder(tmp_path, **case)
        done = here("dir", scans, tmp_path / "out", "--credentials", file)
        assert done.returncode == ExitCode.UNAVAILABLE, (words, done.stderr)
        assert words in done.stderr
        assert secret not in done.stderr
        assert not (tmp_path / "out").exists()


def test_an_expired_certificate_is_refused_and_a_short_one_warned_of(scans, here, tmp_path, monkeypatch):
    for seconds in (4, 16, 64):  # however slow the machine is
        monkeypatch.setattr(making, "SIGNING_DAYS", seconds / 86400)
        folder, out = tmp_path / f"keys-{seconds}", tmp_path / f"out-{seconds}"
        assert main(["credentials", "new", str(folder), "--name", NAME, "-q"]) == 0
        file = folder / "credentials.toml"
        ends = read_credentials(file).expires.timestamp()
        done = here("dir", scans, out, "--include", "camera.png", "--credentials", file)
        if done.returncode == 0:
            break
    assert "expires on" in done.stderr
    time.sleep(max(0.0, ends + 1 - time.time()))
    with pytest.raises(UnavailableError, match="expired on"):
        check_credentials(file)
    done = here("verify", out)
    assert done.returncode == 0
    assert "credentials-expired" in done.stdout


def test_no_key_is_told_anywhere(signed, keys, scans, here, tmp_path):
    words = ("--save-recipe", tmp_path / "r.toml", "--log-file", tmp_path / "log", "-v")
    done = here("dir", scans, tmp_path / "out", "--credentials", keys / "credentials.toml", *words)
    here(
        "dir",
        scans,
        tmp_path / "out2",
        "--credentials",
        keys / "credentials.toml",
        "--log-file",
        tmp_path / "log",
    )
    secrets = [path.read_text().splitlines()[1].encode() for path in keys.glob("*key.pem")]
    told = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    told += [done.stdout.encode(), done.stderr.encode()]
    assert not any(secret in text for secret in secrets for text in told)
    assert "key=" not in repr(check_credentials(keys / "credentials.toml"))


def test_a_second_signing_key_of_the_same_root(keys, tmp_path, capsys):
    folder = shutil.copytree(keys, tmp_path / "keys")
    assert main(["credentials", "new", str(folder), "--name", NAME]) == ExitCode.USAGE, "one a day"
    assert "; give another folder, or move that file and the one beside it away" in capsys.readouterr().err
    for path in folder.glob("signing-*"):
        path.rename(folder / path.name.replace("signing-20", "signing-19"))
    assert main(["credentials", "new", str(folder), "--name", NAME]) == 0
    assert "the root that was there" in capsys.readouterr().out
    assert (folder / "root.pem").read_bytes() == (keys / "root.pem").read_bytes()
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*key.pem"))


def test_nothing_is_fetched_for_a_scan_that_points_outside(scans, keys, here, tmp_path):
    act = {"action": "c2pa.created", "digitalSourceType": HUMAN_EDITS}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [act]}}
    tool = {"claim_generator_info": [{"name": "scanner"}], "assertions": [actions]}
    chain, key = next(keys.glob("signing-*[0-9].pem")), next(keys.glob("signing-*key.pem"))
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain.read_bytes(), key.read_bytes(), None)
    builder = c2pa.Builder(tool, c2pa.Context.from_dict(SETTINGS))
    builder.set_no_embed()
    (tmp_path / "in").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as outside:
        builder.set_remote_url(f"http://127.0.0.1:{outside.getsockname()[1]}/outside.c2pa")
        with (scans / "camera.jpg").open("rb") as scan, (tmp_path / "in" / "camera.jpg").open("wb+") as out:
            builder.sign(c2pa.Signer.from_info(info), "image/jpeg", scan, out)
        assert read(tmp_path / "in" / "camera.jpg").standing is Standing.CHANGED
        words = ("dir", tmp_path / "in", tmp_path / "out", "--credentials", keys / "credentials.toml")
        assert here(*words).returncode == 0
        outside.settimeout(0.2)
        with pytest.raises(TimeoutError):
            outside.accept()
    (record,) = records(tmp_path / "out").values()
    assert "credentials, which cannot be read" in record["lost"]
    assert read(tmp_path / "out" / "camera.jpg").standing is Standing.VALID
