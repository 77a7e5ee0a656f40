"""An archive of photographs to be decided about, and the commands for it."""

from small_archive import tree

from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main

RED = "#c82828"


class Archive:
    """A coloured tree, and the commands for it."""

    def __init__(self, scans, output, checkpoint):
        self.scans, self.output = scans, output
        self.options = ["--working-size", "64", "--jobs", "1", "--device", "cpu", "--checkpoint", checkpoint]

    def dir(self, *words, code=0):
        assert main(["dir", *map(str, (self.scans, self.output, *self.options, *words))]) == code

    def correct(self, *words, code=0):
        assert main(["correct", *map(str, (self.output, *words))]) == code

    def changed(self, before):
        now = tree(self.output)
        return {name for name in before | now if before.get(name) != now.get(name)}

    def record(self, name):
        return Manifest(self.output / "_archivecolor" / "manifest.jsonl").record(name)

    def records(self):
        return (self.output / "_archivecolor" / "manifest.jsonl").read_text().count("\n")
