"""What a call with a bad argument did: refused it well, failed deep inside, accepted it, or hung.

Every call is made in an empty directory of its own, and what is refused leaves nothing there.
"""

import functools
import os
import signal
import tempfile
import warnings
from contextlib import chdir, contextmanager
from dataclasses import dataclass

import fuzz_api
import fuzz_values
import fuzz_world
from brian2 import BrianObject

from spikefa.errors import SpikefaError

#: Seconds after which a call hangs.
LIMIT = 5


class Hung(BaseException):
    """The call has not answered."""


@dataclass(frozen=True)
class Verdict:
    """``"refused"``, ``"deep"``, ``"wrote"`` and then refused, ``"accepted"`` or ``"hung"``, and what was said."""

    kind: str
    said: str = ""


@contextmanager
def _limited():
    def stop(*_):
        raise Hung

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _world(function):
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        yield fuzz_world.World(fuzz_api.stage(function))


@functools.cache
def is_warm(function):
    """Make a valid call, which compiles what it needs: a bad one does not hang for that."""
    if function in fuzz_api.NEEDS_FILES:
        return False
    with _world(function) as world:
        arguments = fuzz_api.valid(world, function)
        _use(fuzz_api.functions()[function](**arguments), arguments.get("network"))
    return True


def judge(case):
    """Make the call of a case, run the network of what it made for a step, and say what happened."""
    is_warm(case.function)
    with _world(case.function) as world:
        arguments = fuzz_api.valid(world, case.function, without=(case.parameter,))
        value = fuzz_values.BAD[case.bad]()
        try:
            with _limited(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = fuzz_api.functions()[case.function](**arguments, **{case.parameter: value})
                _use(made, arguments.get("network"))
        except Hung:
            return Verdict("hung")
        except SpikefaError as error:
            if found := os.listdir():
                return Verdict("wrote", f"{found}, and then said {error}")
            return Verdict("refused" if _is_good(str(error), case) else "deep", f"{type(error).__name__}: {error}")
        except Exception as error:
            return Verdict("deep", f"{type(error).__name__}: {error}"[:300])
    return Verdict("accepted")


def _use(made, network):
    if hasattr(made, "__enter__"):
        with made:
            pass
    if network is not None and isinstance(made, BrianObject | list):
        network.run_steps(1)


def _is_good(said, case):
    """Return whether a message is one sentence that names the parameter, or what it is about."""
    return "\n" not in said and len(said) < 700 and (": " in said or "got " in said or "no " in said)
