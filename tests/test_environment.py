"""What spikefa sets in the environment, and what it leaves alone."""

import json
import os
import subprocess
import sys

import pytest

NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
SCRIPT = (
    "import json, os, spikefa\n"
    "from spikefa._environment import environment_of_the_user\n"
    f"print(json.dumps([[e.get(n) for n in {NAMES}] for e in (os.environ, environment_of_the_user())]))\n"
)


@pytest.mark.parametrize(
    ("own", "inside", "given_on"),
    [
        ({}, ["3000", None], [None, None]),
        ({"GOMP_SPINCOUNT": "77"}, ["77", None], ["77", None]),
        ({"GOMP_SPINCOUNT": "3000"}, ["3000", None], ["3000", None]),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, [None, "ACTIVE"], [None, "ACTIVE"]),
    ],
)
def test_a_users_setting_of_openmp_stays(own, inside, given_on):
    plain = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=plain | own, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [inside, given_on]
