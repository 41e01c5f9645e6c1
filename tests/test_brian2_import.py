"""Brian2 can be imported in any thread, and does not answer Ctrl-C where it is ignored."""

import signal
import subprocess
import sys

THREAD = """
import threading
failed = []
def work():
    try:
        import spikefa as fa
        import brian2
        assert type(brian2.__loader__).__name__ == "SourceFileLoader"
        net = fa.Network(target="numpy")
        fa.Input(net, "image", 2)
        fa.Layer(net, "output", 2, "v = 1 : 1\\ns : 1", emit="s = v", threshold=None)
        net.run_steps(2)
    except BaseException as error:
        failed.append(repr(error))
thread = threading.Thread(target=work)
thread.start()
thread.join()
import signal
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(failed)
"""
IGNORED = """
import os, signal
import spikefa, brian2
assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
os.kill(os.getpid(), signal.SIGINT)
print("ignored")
"""
FULL = """
import resource
import spikefa, brian2
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
brian2.get_logger("brian2.any").debug("cannot be written")
print("went on")
"""
NAMES = """
import sys
if sys.argv[1] == "spikefa":
    import spikefa
    spikefa.Network
    assert "matplotlib.pyplot" not in sys.modules
    import brian2
    assert brian2.max is max and "matplotlib.pyplot" in sys.modules  # the first name that is missing brings them all
import brian2
from brian2 import *
assert plot is brian2.plot
for name, value in sorted(vars(brian2).items()):
    if not name.startswith("__"):
        print(name, type(value).__name__, getattr(value, "__module__", None), getattr(value, "__qualname__", None))
"""
MISSING = """
import sys
import spikefa, brian2
sys.modules["pylab"] = None  # as if there were no matplotlib
assert brian2.max(1, None) == 1 and brian2.sin(0) == 0
try:
    brian2.plot
except AttributeError as error:
    print(error)
"""
COMMAND = """
import os, signal, sys
from spikefa import cli
from spikefa.experiments import model_source
import brian2
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    raise SystemExit("it was not interrupted")
model_source.names = interrupt  # what `models` asks for
sys.argv = ["spikefa", "models"]
cli.main()
"""


def run(code, **options):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options)


def ignore():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_import_and_run_in_a_thread():
    done = run(THREAD)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_what_ignores_interrupts_still_does():
    """As what a script starts by `&` does."""
    done = run(IGNORED, preexec_fn=ignore)
    assert done.stdout == "ignored\n", done.stderr


def test_a_command_can_be_interrupted_where_its_parent_ignores_it():
    done = run(COMMAND, preexec_fn=ignore)
    assert (done.returncode, done.stdout) == (130, "spikefa: interrupted\n"), done.stderr


def test_a_log_that_cannot_be_written_is_no_matter():
    done = run(FULL)
    assert (done.stdout, done.stderr) == ("went on\n", "")


def test_brian2_has_all_its_names_once_one_is_missing():
    """Names of pylab, which Brian2 holds too, and which `import spikefa` leaves out."""
    ours, stock = (
        subprocess.run([sys.executable, "-c", NAMES, who], capture_output=True, text=True)
        for who in ("spikefa", "stock")
    )
    assert ours.returncode == 0, ours.stderr
    assert ours.stdout == stock.stdout and "matplotlib.pyplot plot" in ours.stdout


def test_brian2_without_matplotlib_has_the_names_of_numpy():
    done = run(MISSING)
    assert done.stdout == "module 'brian2' has no attribute 'plot'\n", done.stderr
