"""MLflow's pages as a browser shows them: what `ablate ui` links to has its rows, columns, groups and charts."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ablate.track.saved_views import page_of, view_id
from tests.browser import CHROMIUM, IN_BROWSER, PATIENCE, sync_api
from tests.command_line import ablate

pytestmark = IN_BROWSER
STUDY = """
study: pages
question: Which of two changes help?
trainer: ablate.toy:train
base: {images: 200, epochs: 4, noise: 0.5}
chain: {more: {gain: 2.0}, still more: {gain: 2.5}}
evidence: {test: {folds: 2}, replicates: [2]}
"""
SEARCH = """
study: hunt
trainer: ablate.toy:train
base: {images: 200, epochs: 2, noise: 0.5}
search: {space: {noise: {low: 0.1, high: 1.0}, gain: {low: 0.0, high: 60.0}}, trials: 8}
"""
STEPS = ", ".join(f"c{number}: {{gain: {number / 4}}}" for number in range(1, 10))
MANY = f"""
study: many
trainer: ablate.toy:train
base: {{images: 100, epochs: 2}}
chain: {{{STEPS}}}
evidence: {{test: {{folds: 6}}, replicates: [6]}}
"""
LIVE = """
study: live
trainer: ablate.toy:train
base: {images: 100, epochs: 1200, seconds: 600.0}
chain: {more: {gain: 2.0}}
evidence: {test: {folds: 2}, replicates: [2]}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Name of a page -> its address, while `ablate ui` serves a study that ended."""
    work = tmp_path_factory.mktemp("pages")
    (work / "pages.yaml").write_text(STUDY, encoding="utf-8")
    (work / "many.yaml").write_text(MANY, encoding="utf-8")
    (work / "hunt.yaml").write_text(SEARCH, encoding="utf-8")
    assert ablate(work, "run", "many.yaml").exit_code == 0
    assert ablate(work, "optuna", "hunt.yaml").exit_code == 0
    assert ablate(work, "run", "pages.yaml").exit_code == 0  # the newest is the one whose links are printed
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "ablate", "ui", "--no-browser", "--port", port, "--work", str(work)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    try:
        said = {"store": str(work / "mlflow.db"), "server": f"http://127.0.0.1:{port}", "work": str(work)}
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
        shown.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
        shown.set_default_timeout(PATIENCE)
        yield shown
        browser.close()


def asked(pages: dict[str, str], question: str, *values: str) -> str:
    """The one thing the store answers."""
    with closing(sqlite3.connect(pages["store"])) as connection:
        (found,) = connection.execute(question, values).fetchone()
    return str(found)


def view_of(pages: dict[str, str], experiment: str, study: str, key: str, mode: str) -> str:
    """The address of a saved view."""
    number = asked(pages, "SELECT experiment_id FROM experiments WHERE name = ?", experiment)
    return f"{pages['server']}{page_of(number, view_id(study, key), mode)}"


def study_run(pages: dict[str, str], part: str = "") -> str:
    """The address of the run that is the study called `pages`."""
    run = asked(
        pages,
        "SELECT run_uuid FROM tags WHERE key = 'ablate.level' AND value = 'study' AND run_uuid IN "
        "(SELECT run_uuid FROM tags WHERE key = 'ablate.study' AND value = 'pages')",
    )
    number = asked(pages, "SELECT experiment_id FROM runs WHERE run_uuid = ?", run)
    return f"{pages['server']}/#/experiments/{number}/runs/{run}{part}?workflowType=machine_learning"


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
        verdicts = connection.execute(
            "SELECT value FROM tags WHERE key = 'ablate.verdict' AND run_uuid IN "
            "(SELECT run_uuid FROM tags WHERE key = 'ablate.study' AND value = 'pages')"
        ).fetchall()
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


def test_the_trials_of_a_search_have_their_charts_on_top_with_points(pages: dict[str, str], page: Any) -> None:
    """Parallel coordinates of all settings, each of the two most important against the metric, and the history."""
    page.goto(view_of(pages, "hunt", "hunt-search", "trials", "CHART"))
    page.get_by_text("8 matching runs").wait_for()
    page.locator(".parcoords").wait_for(state="attached")
    charts = page.locator(".js-plotly-plot")
    charts.nth(1).locator(".scatterlayer path.point").first.wait_for(state="attached")
    charts.nth(2).locator(".barlayer path").first.wait_for(state="attached")

    for number in (0, 1):
        assert charts.nth(number).locator(".scatterlayer path.point").count() >= 7  # the baseline may lack the setting
    assert charts.nth(2).locator(".barlayer path").count() == 8
    assert charts.nth(0).bounding_box()["y"] < 600  # on top, not below those MLflow makes by itself
    view = asked(pages, "SELECT value FROM experiment_tags WHERE key LIKE '%-trials'")
    drawn = json.loads(json.loads(view)["state"])["compareRunCharts"]
    assert [chart["xaxis"]["key"] for chart in drawn[1:3]] == ["gain", "noise"]  # the study file has noise first


def test_sixty_runs_are_ten_groups_of_six(pages: dict[str, str], page: Any) -> None:
    """None hidden, none left out; steps are ten rows."""
    page.goto(view_of(pages, "many", "many", "curves", "CHART"))
    page.get_by_text("60 matching runs").wait_for()
    page.get_by_text("Group: baseline", exact=True).wait_for()
    page.locator(".js-plotly-plot .scatterlayer path.js-line").first.wait_for(state="attached")
    lines = page.locator(".js-plotly-plot").first.locator(".scatterlayer path.js-line")
    assert lines.count() >= 10

    page.goto(view_of(pages, "many", "many", "steps", "TABLE"))
    page.get_by_text("10 matching runs").wait_for()
    page.get_by_role("link", name="c9").first.wait_for()
    names = [link for link in page.locator("a[href*='/runs/']").all_inner_texts() if link.strip()]
    assert names == ["baseline", *(f"c{number}" for number in range(1, 10))]


def test_the_study_s_description_opens_with_the_sentence_the_table_and_the_image(
    pages: dict[str, str], page: Any
) -> None:
    """The image is loaded, and no wider than there is room on a page of 1280 pixels."""
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(study_run(pages))
    page.get_by_text("Show more").click()
    image = page.locator("img[src*='get-artifact']")
    image.wait_for()

    assert page.get_by_text("two changes").first.is_visible()
    assert page.get_by_role("cell", name="still more").first.is_visible()
    page.wait_for_function("document.querySelector(\"img[src*='get-artifact']\").naturalWidth > 300")
    box, room = image.bounding_box(), image.locator("xpath=ancestor::div[1]").bounding_box()
    assert box["x"] + box["width"] <= room["x"] + room["width"] + 1
    for said in ("accuracy best variant", "accuracy baseline", "ablate.design", "ablate.verdicts"):
        page.get_by_text(said).first.wait_for()


def test_the_report_opens_among_the_artifacts(pages: dict[str, str], page: Any) -> None:
    """In MLflow's own frame, as a page."""
    page.goto(study_run(pages, "/artifacts"))
    page.get_by_text("report", exact=True).first.click()
    page.get_by_text("report.html").first.click()

    page.frame_locator("iframe").get_by_role("heading", name="pages").first.wait_for()


def test_curves_are_shown_while_runs_train(pages: dict[str, str], page: Any) -> None:
    """By the same saved view, from the first epochs on."""
    live = Path(pages["work"], "live.yaml")
    live.write_text(LIVE, encoding="utf-8")
    command = [sys.executable, "-m", "ablate", "run", str(live), "--work", pages["work"], "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        while not told(pages, "live"):
            assert process.poll() is None
            time.sleep(0.2)
        page.goto(view_of(pages, "live", "live", "curves", "CHART"))
        page.locator(".js-plotly-plot .scatterlayer path.js-line").first.wait_for(state="attached")
        page.get_by_text("Group: baseline", exact=True).wait_for()
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def told(pages: dict[str, str], study: str) -> bool:
    """Whether the store has two epochs of a run of the study."""
    question = (
        "SELECT count(*) FROM metrics JOIN runs USING (run_uuid) JOIN experiments USING (experiment_id) "
        "WHERE experiments.name = ? AND metrics.key = 'val/accuracy'"
    )
    return int(asked(pages, question, study)) >= 2
