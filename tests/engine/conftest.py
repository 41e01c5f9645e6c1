import pytest

from spikefa.engine import generated


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKEFA_CACHE", str(tmp_path / "kernels"))
    generated.clear()
    yield tmp_path / "kernels"
    generated.clear()
