"""The steps of the Containerfile, run in clean systems as a builder would: for where none is at hand."""

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_archive import grey_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "containers" / "Containerfile"
BASE = re.compile(r"docker\.io/library/debian:(\w+)-slim")
LARGEST = 1000  # megabytes
# How this machine reaches its package indexes, lent to a build as a builder lends its network.
LENT = (
    "etc/apt",
    "etc/ssl/certs",
    "usr/local/share/ca-certificates",
    "etc/resolv.conf",
    "etc/hosts",
    "etc/xdg/pip",
    "usr/share/keyrings",
)
LENT_VARIABLES = ("PIP_", "SSL_CERT", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass
class Stage:
    """What the steps of one `FROM` made."""

    root: Path
    variables: dict = field(default_factory=dict)
    user: str = "0:0"
    entry: list = field(default_factory=list)
    words: list = field(default_factory=list)


def instructions(text):
    """Every instruction with its rest; comments and blank lines left out."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [line.partition(" ")[::2] for line in lines]


def test_it_needs_no_root_no_shell_and_no_name_of_a_builder():
    steps = instructions(FILE.read_text())
    assert [rest for word, rest in steps if word == "USER"][-1] == "1000:1000"
    for word in ("ENTRYPOINT", "CMD"):
        assert all(isinstance(json.loads(rest), list) for found, rest in steps if found == word)
    assert all(BASE.match(rest) for word, rest in steps if word == "FROM")
    last = max(place for place, (word, _) in enumerate(steps) if word == "FROM")
    assert not [rest for word, rest in steps[last:] if word == "RUN" and "pip" in rest]


class Builder:
    """Runs the steps of a Containerfile in folders that are systems of their own."""

    def __init__(self, folder, base):
        self.folder, self.base = folder, base
        self.stages = {}

    def build(self, arguments):
        stage = None
        for word, rest in instructions(FILE.read_text()):
            if word == "FROM":
                name = rest.partition(" AS ")[2] or "last"
                stage = self.stages[name] = Stage(self.folder / name)
                subprocess.run(["cp", "-a", self.base, stage.root], check=True)
            elif word == "ARG":
                name, _, default = rest.partition("=")
                stage.variables[name] = arguments.get(name, default)
            elif word == "ENV":
                stage.variables |= dict(part.split("=", 1) for part in shlex.split(rest))
            elif word == "RUN":
                self.run(stage, ["/bin/sh", "-c", rest], "0:0")
            elif word == "COPY":
                self.copy(stage, shlex.split(rest))
            elif word == "USER":
                stage.user = rest
            elif word in ("ENTRYPOINT", "CMD"):
                setattr(stage, "entry" if word == "ENTRYPOINT" else "words", json.loads(rest))
            else:
                assert word == "WORKDIR", word
        return stage

    def copy(self, stage, words):
        *options, source, target = words
        goal = stage.root / target.lstrip("/")
        goal.parent.mkdir(parents=True, exist_ok=True)
        if options:
            above = self.stages[options[0].removeprefix("--from=")].root
            subprocess.run(["cp", "-a", above / source.lstrip("/"), goal], check=True)
            return
        shutil.copytree(ROOT, goal, ignore=left_out, symlinks=True)

    def run(self, stage, command, user, check=True):
        """Run a command in a stage's system."""
        variables = {name: value for name, value in os.environ.items() if name.startswith(LENT_VARIABLES)}
        variables |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        words = ["chroot", f"--userspec={user}", stage.root, *command]
        done = subprocess.run(
            words, env=variables | stage.variables, capture_output=True, text=True, timeout=1200, check=False
        )
        assert done.returncode == 0 or not check, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done


def left_out(folder, names):
    """Which names of a folder .dockerignore leaves out: of the top, or `**/` of any."""
    lines = (ROOT / ".dockerignore").read_text().split()
    top = [line for line in lines if not line.startswith(("!", "**/"))] if Path(folder) == ROOT else []
    anywhere = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    return shutil.ignore_patterns(*top, *anywhere)(folder, names)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A minimal Debian, with the way to the package indexes that this machine has."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.fail("systems are made by root, with debootstrap: make container-test installs it")
    (suite,) = set(BASE.findall(FILE.read_text()))
    root = tmp_path_factory.mktemp("base") / "root"
    subprocess.run(["debootstrap", "--variant=minbase", suite, root], check=True, capture_output=True)
    for lent in LENT:
        source, target = Path("/") / lent, root / lent
        if source.is_dir():
            shutil.copytree(source, target, symlinks=False, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        elif source.exists():
            shutil.copy(source, target)
    return root


@pytest.mark.container
def test_its_steps_make_a_system_that_colours_as_somebody_who_may_do_little(base, tmp_path):
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    if wheels and Path(wheels).is_dir():
        shutil.copytree(wheels, base / wheels.lstrip("/"), dirs_exist_ok=True)
    builder = Builder(tmp_path, base)
    stage = builder.build({})
    scans, coloured = stage.root / "scans", stage.root / "coloured"
    scans.mkdir()
    coloured.mkdir()
    os.chown(coloured, 1000, 1000)
    grey_of("astronaut", (320, 240)).save(scans / "a.jpg", quality=90)
    grey_of("chelsea", (300, 200)).save(scans / "b.png")
    doctor = builder.run(stage, [*stage.entry, "doctor"], stage.user)
    assert "onnxruntime" in doctor.stdout and "exiftool     ok" in doctor.stdout
    builder.run(stage, [*stage.entry, "dir", "/scans", "/coloured", "--jobs", "1"], stage.user)
    for name in ("a.jpg", "b.png"):
        assert np.asarray(Image.open(coloured / name)).std(axis=2).max() > 10
        assert (coloured / name).stat().st_uid == 1000
    assert "Commands" in builder.run(stage, [*stage.entry, *stage.words], stage.user).stdout
    measure = ["du", "-sm", f"--exclude={stage.root}{wheels}", stage.root]
    size = subprocess.run(measure, capture_output=True, text=True, check=True).stdout
    assert int(size.split()[0]) < LARGEST
