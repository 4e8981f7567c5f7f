"""MLflow's pages as a browser shows them: what `ablate ui` links to has its rows, columns, groups and charts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.command_line import ablate

sync_api = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install --group pages")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
PATIENCE = 120_000.0
"""Milliseconds that a page may take on a busy machine."""
STUDY = """
study: pages
question: Which of two changes help?
trainer: ablate.toy:train
base: {images: 200, epochs: 4, noise: 0.5}
chain: {more: {gain: 2.0}, still more: {gain: 2.5}}
evidence: {test: {folds: 2}, replicates: [2]}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Name of a page -> its address, while `ablate ui` serves a study that ended."""
    work = tmp_path_factory.mktemp("pages")
    (work / "pages.yaml").write_text(STUDY, encoding="utf-8")
    assert ablate(work, "run", "pages.yaml").exit_code == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "ablate", "ui", "--no-browser", "--port", port, "--work", str(work)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    try:
        said = {"store": str(work / "mlflow.db")}
        while "MLflow" not in said:
            name, _, address = process.stdout.readline().strip().rpartition(": ")
            assert name, "`ablate ui` ended"
            said[name] = address
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture
def page() -> Iterator[Any]:
    """A browser's page of a laptop's size."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 1600, "height": 900})
        shown.set_default_timeout(PATIENCE)
        yield shown
        browser.close()


def test_the_steps_are_rows_in_the_study_s_order_with_their_verdicts(pages: dict[str, str], page: Any) -> None:
    """No line to unfold, no study among them; difference, interval and verdict are columns."""
    page.goto(pages["pages: steps"])
    page.get_by_text("3 matching runs").wait_for()
    page.get_by_role("link", name="still more").first.wait_for()

    names = [link for link in page.locator("a[href*='/runs/']").all_inner_texts() if link.strip()]
    assert names == ["baseline", "more", "still more"]
    heading = " ".join(page.locator("[role=columnheader]").all_inner_texts())
    for column in ("accuracy", "difference", "ablate.interval", "ablate.verdict"):
        assert column in heading
    with closing(sqlite3.connect(pages["store"])) as connection:
        verdicts = connection.execute("SELECT value FROM tags WHERE key = 'ablate.verdict'").fetchall()
    assert len(verdicts) == 2
    for (verdict,) in verdicts:
        page.get_by_text(verdict, exact=True).first.wait_for()


def test_curves_are_grouped_by_variant_and_have_points(pages: dict[str, str], page: Any) -> None:
    """One line a variant, over all its replicates; no run is left out of a group, none hidden."""
    page.goto(pages["pages: curves"])
    page.get_by_text("6 matching runs").wait_for()
    for name in ("baseline", "more", "still more"):
        page.get_by_text(f"Group: {name}", exact=True).wait_for()
    page.locator(".js-plotly-plot .scatterlayer path.js-line").first.wait_for(state="attached")

    drawn = page.locator(".js-plotly-plot").first.locator(".scatterlayer path.js-line")
    assert drawn.count() >= 3


def test_the_cost_is_a_table_of_groups(pages: dict[str, str], page: Any) -> None:
    """What a run took, as a mean over replicates."""
    page.goto(pages["pages: cost"])
    page.get_by_text("6 matching runs").wait_for()

    assert "work/parameters" in " ".join(page.locator("[role=columnheader]").all_inner_texts())
    page.get_by_text("Group: baseline", exact=True).wait_for()
