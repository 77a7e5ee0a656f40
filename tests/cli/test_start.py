"""The first moments of the program."""

import signal
import subprocess
import sys

# What starts programs in the background may have them ignore Ctrl-C; a terminal does not.
AT_A_TERMINAL = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
# Ctrl-C in the moment in which the commands are being loaded.
STOPPED_WHILE_LOADING = """
import os, signal, sys

class Press:
    def find_spec(self, name, *_):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
sys.argv = ["archivecolor", "--version"]
from archivecolor.cli.start import main
sys.exit(main())
"""


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)


def test_ctrl_c_while_the_program_loads_is_quiet():
    done = run_python(AT_A_TERMINAL + STOPPED_WHILE_LOADING)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_what_ignores_ctrl_c_goes_on_ignoring_it():
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + STOPPED_WHILE_LOADING
    done = run_python(ignoring)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("archivecolor ")
