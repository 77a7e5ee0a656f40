"""A Python without a safe path refuses to start processes where modules lie in wait."""

import pytest

from archivecolor.engine.safe_path import refuse_modules_in
from archivecolor.errors import UsageError


@pytest.mark.parametrize("name", ["numpy.py", "json.py", "sys.py", "torch/__init__.py"])
def test_a_module_in_place_of_another_is_refused(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with pytest.raises(UsageError, match=name.split("/")[0].split(".")[0]):
        refuse_modules_in(tmp_path)


def test_what_stands_in_for_nothing_is_let_be(tmp_path):
    for name in ("rename_scans.py", "scan.jpg"):
        (tmp_path / name).write_text("")
    (tmp_path / "numpy").mkdir()
    refuse_modules_in(tmp_path)
