"""Brian2 with three of its own chores done faster, for tests, which build thousands of small networks.

The keys are those of Brian2, names are other ones, and errors show fewer frames. The examples, the tutorials and what
tests start as programs run Brian2 as it is.
"""

import sys
import traceback
from collections import defaultdict
from itertools import count
from types import SimpleNamespace

import numpy as np
from brian2.core import base, names
from brian2.utils import caching

#: Modules that find names. What is called `brian2.devices.device` is the device in use, and not the module.
FINDERS = (names, sys.modules["brian2.devices.device"])
#: Frames that are kept of where an object was made; below a test there are fifty of pytest.
FRAMES = 15

_taken: dict[str, count] = defaultdict(count)
_find_name = names.find_name
_hashable = caching._hashable
_state_tuple = caching.CacheKey._state_tuple.fget
_attributes: dict[tuple, list[str]] = {}
_PLAIN = {str, int, float, bool, type(None), type, *(type(np.dtype(kind)) for kind in "fdil?")}


def find_name(name, names=None):
    """Number automatic names in their order, rather than ask all objects that are alive for theirs.

    One may be a name that a test has given; Brian2 refuses a network with both.
    """
    if names is not None or not name.endswith("*"):
        return _find_name(name, names)
    number = next(_taken[name])
    return f"{name[:-1]}_{number}" if number else name[:-1]


def hashable(value):
    """Look at the type of a value before its attributes."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return tuple(map(hashable, value))
    if kind is dict:
        return frozenset((hashable(key), hashable(item)) for key, item in value.items())
    return _hashable(value)


def state_tuple(self):
    """Sort the names of attributes once, not each time."""
    state = self.__dict__
    key = (type(self), *state)
    if key not in _attributes:
        _attributes[key] = [name for name in sorted(state) if name not in self._cache_irrelevant_attributes]
    return tuple([state[name] for name in _attributes[key]])


def install():
    for module in FINDERS:
        assert module.find_name is _find_name
        module.find_name = find_name
    caching._hashable = hashable
    caching.CacheKey._state_tuple = property(state_tuple)
    base.traceback = SimpleNamespace(extract_stack=lambda: traceback.extract_stack(sys._getframe(1), FRAMES))
