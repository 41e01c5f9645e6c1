"""A user's own data: files, folders and functions, checked; code is run only if the user says so."""

import numpy as np
import pytest
from PIL import Image

from spikefa import datasets
from spikefa.errors import DataError

RNG = np.random.default_rng(0)
ARRAYS = {
    "train_images": RNG.integers(0, 255, (6, 3, 4), dtype=np.uint8),
    "train_labels": np.array([0, 1, 2] * 2),
    "test_images": RNG.integers(0, 255, (3, 3, 4), dtype=np.uint8),
    "test_labels": np.array([0, 1, 2]),
}


@pytest.fixture
def npz(tmp_path):
    def write(**changes):
        path = tmp_path / "mine.npz"
        np.savez(path, **{name: array for name, array in (ARRAYS | changes).items() if array is not None})
        return path

    return write


def test_an_npz_file_is_a_data_set(npz):
    found = datasets.load(str(npz()))
    assert (found.name, found.shape, found.classes) == ("mine", (3, 4), 3)
    assert np.array_equal(found.train_images, ARRAYS["train_images"].reshape(6, 12))
    flat = {name: ARRAYS[name].reshape(-1, 12) for name in ("train_images", "test_images")}
    assert datasets.load(str(npz(**flat))).shape == (1, 12)
    assert datasets.load(str(npz(**flat, shape=np.array([4, 3]), classes=np.array(5)))).classes == 5


def test_a_moved_file_is_found_in_the_directory_of_the_data(npz, tmp_path):
    npz()
    assert datasets.load("/elsewhere/mine.npz", tmp_path).name == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_labels": None}, "expected the arrays train_images.*, found no test_labels; it has train_images"),
        ({"train_labels": np.array([0.0] * 6)}, r"train_labels must be integers of shape \(n,\)"),
        ({"train_labels": np.array([0, -1, 2] * 2)}, "labels must lie in 0 to"),
        ({"train_images": np.zeros(6)}, r"train_images must be \(n, height, width\) or \(n, pixels\), got \(6,\)"),
        ({"test_images": np.zeros((3, 5, 5))}, "test_images must have shape"),
        ({"train_images": np.array([[None]] * 6)}, "cannot be read"),
        ({"shape": np.array([5, 5]), "train_images": np.zeros((6, 12))}, "must have shape"),
    ],
)
def test_a_file_that_is_no_data_set_is_refused(npz, changes, message):
    with pytest.raises(DataError, match=message):
        datasets.load(str(npz(**changes)))


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            directory = tmp_path / "pictures" / part / name
            directory.mkdir(parents=True)
            for k in range(2):
                Image.fromarray(np.full((4, 5), 100 * (name == "dog") + k, np.uint8)).save(directory / f"{k}.png")
    return tmp_path / "pictures"


def test_a_folder_of_images_by_class_is_a_data_set(folder):
    found = datasets.load(str(folder))
    assert (found.name, found.shape, found.classes) == ("pictures", (4, 5), 2)
    assert found.train_images[:, 0].tolist() == [0, 1, 100, 101] and found.train_labels.tolist() == [0, 0, 1, 1]


def test_a_folder_with_a_fault_is_refused(folder):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(folder / "train" / "dog" / "small.png")
    with pytest.raises(DataError, match=r"small.png: must have the size of the others, \(4, 5\), got \(2, 2\)"):
        datasets.load(str(folder))
    (folder / "train" / "dog" / "small.png").write_text("no image")
    with pytest.raises(DataError, match=r"small.png: cannot be read as an image"):
        datasets.load(str(folder))
    (folder / "test" / "cow").mkdir()
    with pytest.raises(DataError, match="test must have the classes of train, cat, dog, got cat, cow, dog"):
        datasets.load(str(folder))
    with pytest.raises(DataError, match=r"expected a file \.npz, or a folder of images by class, found none"):
        datasets.load(str(folder / "nothing"))


def test_a_function_is_called_only_if_code_may_be_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_data.py").write_text(
        "import numpy as np\nfrom spikefa.datasets import Dataset\n"
        "def small():\n    x, y = np.eye(2), np.array([0, 1])\n    return Dataset('own', x, y, x, y, (1, 2), 2)\n"
        "def none():\n    return 3\n"
    )
    with pytest.raises(DataError, match="data set 'own_data:small': is code, which was not run"):
        datasets.load("own_data:small")
    assert datasets.load("own_data:small", code=True).name == "own"
    for name, message in (
        ("own_data:none", "the function must return a Dataset, got 3"),
        ("own_data:other", "module 'own_data' has no function 'other'"),
        ("no_such_module:f", "no module 'no_such_module'"),
    ):
        with pytest.raises(DataError, match=message):
            datasets.load(name, code=True)
