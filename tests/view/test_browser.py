"""The page in a real browser: it loads, grows while a run trains, and the network answers to a digit that is drawn."""

import shutil
import subprocess
import sys
import time

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]

#: The network of the test learns the digits well enough to know a one.
TRAIN = [
    *("train", "lillicrap2016_spiking", "--preset", "digits", "--set", "hidden=100", "--streams", "20"),
    *("--epochs", "40", "--quiet"),
]


def spikefa(*arguments, **more):
    return subprocess.Popen([sys.executable, "-m", "spikefa", *map(str, arguments)], text=True, **more)


@pytest.fixture
def training(tmp_path):
    """The directory of a run that trains now, and its process."""
    process = spikefa(*TRAIN, "--run", tmp_path / "run")
    while not (tmp_path / "run" / "metrics.csv").exists():
        assert process.poll() is None
        time.sleep(0.2)
    yield tmp_path / "run", process
    process.kill()
    process.wait()


@pytest.fixture
def address(training):
    """Where the run is viewed."""
    server = spikefa("view", training[0], stdout=subprocess.PIPE)
    yield server.stdout.readline().strip()
    server.terminate()
    server.communicate()


@pytest.fixture
def opened():
    """A function that opens an address in a browser; at the end its console must be free of errors."""
    errors = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def open_page(address, width=1400):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            own = ("data:", "blob:", address)
            page.on("request", lambda asked: None if asked.url.startswith(own) else errors.append(asked.url))
            page.goto(address)
            page.wait_for_selector(".bk-tab")
            return page

        yield open_page
        browser.close()
    assert [error for error in errors if not error.endswith("/favicon.ico")] == []


def stroke(page, points):
    box = page.locator(".bk-Figure").locator("visible=true").first.bounding_box()
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def test_the_page_grows_while_a_run_trains_and_the_network_answers(training, address, opened, digest):
    run, process = training
    page = opened(address)
    page.wait_for_selector("text=training images")
    points = "Bokeh.documents[0].get_model_by_name('test_error').data.y.length"
    before = page.evaluate(points)
    assert process.poll() is None
    page.wait_for_function(f"{points} > {before}", timeout=60_000)
    assert process.wait(timeout=300) == 0
    files = digest(run)

    page.get_by_text("Draw a digit", exact=True).click()
    page.wait_for_selector("text=Draw a digit in the square")
    top = "Array.from(Bokeh.documents[0].get_model_by_name('outputs').data.top)"
    empty = page.evaluate(top)
    stroke(page, [(0.4, 0.25), (0.5, 0.15), *((0.5, 0.15 + 0.07 * k) for k in range(1, 11))])
    page.wait_for_selector("text=The network answers")
    one = page.evaluate(top)
    assert one[1] > empty[1] and one[1] == max(one)
    assert digest(run) == files


@pytest.mark.parametrize("width", [1400, 800])
def test_the_report_opens_without_a_network(spiking_run, opened, tmp_path, width):
    assert spikefa("report", spiking_run.directory, "--out", tmp_path / "run.html", "--quiet").wait() == 0
    page = opened(f"file://{tmp_path / 'run.html'}", width)
    for title in ("Learning", "Recordings", "Weights", "Answers", "Units"):
        page.get_by_text(title, exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_text("Recordings", exact=True).click()
    page.wait_for_selector(f"text=After {spiking_run.recordings()[-1].images_seen:,} training images")
    page.locator(".noUi-handle").locator("visible=true").first.focus()
    page.keyboard.press("Home")
    page.wait_for_selector("text=After 0 training images")
