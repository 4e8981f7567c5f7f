"""A report in a browser: tables sort, drawings say their numbers, thresholds move; it is read without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ablate.report.page.blocks import Page, Sheet
from ablate.report.page.html import html_page
from ablate.report.page.sections import page_of
from ablate.report.tables.table import Kind, Table
from ablate.report.wording.language import ENGLISH
from tests.browser import CHROMIUM, IN_BROWSER, PATIENCE, sync_api
from tests.builders import a_study, findings_of

pytestmark = IN_BROWSER
FACTORS = {"<b>much": {"gain": 9.0}, "little": {"gain": 9.4}, "nothing": {"gain": 9.5}, "one more": {"gain": 3.5}}
STEPS = "table.first"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a chain of four changes, as a file."""
    folder = tmp_path_factory.mktemp("turned")
    findings = findings_of(a_study(factors=FACTORS), folder)
    path = folder / "report.html"
    path.write_text(html_page(page_of(findings, ENGLISH)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The report at a laptop's size; whatever the console says fails the test."""
    shown = browser.new_page(viewport={"width": 1280, "height": 900})
    shown.set_default_timeout(PATIENCE)
    said: list[str] = []
    shown.on("console", lambda message: None if "Content Security" in message.text else said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto(report.as_uri())
    yield shown
    assert said == []
    shown.close()


def names(page: Any) -> list[str]:
    """The first column of the first table."""
    return [name.strip() for name in page.locator(f"{STEPS} >> nth=0").locator("tbody th").all_inner_texts()]


def words(page: Any) -> dict[str, str]:
    """Comparison -> the words that stand there now, whichever are struck out left away."""
    rows = page.locator(f"{STEPS} >> nth=0").locator("tbody tr").all()
    found = {}
    for row in rows:
        shown = row.locator("span.verdict:not([data-asked])").all_inner_texts()
        found[row.locator("th").inner_text()] = "".join(shown).replace("what if", "").strip()
    return found


def move(page: Any, name: str, to: str) -> None:
    """Set a slider by what it says: `2.0 points`, the first of that text."""
    page.evaluate(
        """([name, to]) => {
            const row = [...document.querySelectorAll(".slider")].find((one) => one.textContent.startsWith(name));
            const input = row.querySelector("input");
            for (let at = 0; at <= Number(input.max); at += 1) {
                input.value = at;
                input.dispatchEvent(new Event("input"));
                if (row.querySelector("output").firstChild.textContent === to) return;
            }
            throw new Error(`no ${to}`);
        }""",
        [name, to],
    )


def test_a_heading_sorts_both_ways_and_gives_the_order_of_the_study_back(page: Any) -> None:
    """By a click and from the keyboard; `aria-sort` says how, lines without a number come last."""
    own = names(page)
    button = page.locator(f"{STEPS} >> nth=0").locator("button.sort", has_text="Gained here")
    heading = button.locator("xpath=..")
    button.click()
    falling = names(page)
    assert heading.get_attribute("aria-sort") == "descending"
    assert falling[-1] == "baseline"
    shown = [
        float(text.split()[0])
        for text in page.locator(f"{STEPS} >> nth=0").locator("td:nth-child(3)").all_inner_texts()[:-1]
    ]
    assert shown == sorted(shown, reverse=True)
    button.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(page)[-1] == "baseline"
    assert set(names(page)[-2:-1]) <= set(falling[:2])
    button.press("Space")

    assert names(page) == own
    assert heading.get_attribute("aria-sort") is None


def test_a_drawing_says_its_numbers_to_pointer_finger_and_keyboard(page: Any, browser: Any, report: Path) -> None:
    """Estimate and both intervals; a dot its own; Escape puts them away."""
    drawing = page.locator(f"{STEPS} >> nth=0").locator(".drawing").first
    tip = page.locator(".tip")
    drawing.focus()
    assert "Estimate: +" in tip.inner_text()
    assert "3 replicates: " in tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert "of 3: +" in tip.inner_text()
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    dot = drawing.locator(".dot").nth(1).bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    assert "Replicate " in tip.inner_text()
    assert drawing.get_attribute("aria-label").startswith("Estimate: +")

    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    phone = context.new_page()
    phone.goto(report.as_uri())
    phone.locator(f"{STEPS} >> nth=0").locator(".drawing").first.tap()
    assert "+" in phone.locator(".tip").inner_text()
    context.close()


def test_moved_thresholds_judge_again_and_say_so(page: Any, browser: Any, tmp_path: Path) -> None:
    """As the study would have with these thresholds; what it registered stays marked, and comes back."""
    before, seen = words(page), set[str]()
    page.locator(".what-if summary").click()
    for negligible, worthwhile in ((0.2, 6.0), (6.4, 6.4), (0.2, 0.4)):
        move(page, "Negligible", f"{negligible:.1f} points")
        move(page, "Worthwhile", f"{worthwhile:.1f} points")
        move(page, "Negligible", f"{negligible:.1f} points")
        other = a_study(factors=FACTORS, evidence={"negligible": negligible, "worthwhile": worthwhile})
        page_of_other = html_page(page_of(findings_of(other, tmp_path / f"{negligible}-{worthwhile}"), ENGLISH))
        fresh = browser.new_page()
        fresh.set_content(page_of_other)
        expected = words(fresh)
        fresh.close()
        assert words(page) == expected
        changed = page.locator(f"{STEPS} >> nth=0").locator(".asked .badge")
        assert changed.count() == sum(before[name] != word for name, word in expected.items())
        seen |= set(expected.values())
        assert "registered: " in page.locator(".what-if").inner_text()
    page.get_by_role("button", name="Back to the registered").click()

    assert len(seen) >= 5  # baseline's empty cell among them
    assert words(page) == before
    assert page.locator(".badge").count() == 0


def test_paper_and_a_browser_without_script_show_what_was_registered(page: Any, browser: Any, report: Path) -> None:
    """Nothing is left of what was moved, and nothing looks as if it could be."""
    page.locator(".what-if summary").click()
    move(page, "Negligible", "6.4 points")
    assert page.locator(".asked").first.is_visible()
    page.emulate_media(media="print")
    for hidden in (".what-if", ".asked", ".sort-by"):
        assert not any(one.is_visible() for one in page.locator(hidden).all())
    struck = page.locator(".verdict[data-asked]").first
    assert struck.evaluate("one => getComputedStyle(one).textDecorationLine") == "none"

    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(report.as_uri())
    assert still.locator("button, input, select, .what-if, .tip").count() == 0
    assert still.locator(".verdict").first.is_visible()
    context.close()


def test_the_policy_keeps_every_other_script_out(page: Any) -> None:
    """Were a name to get through, it would do nothing."""
    ran = page.evaluate(
        """() => {
            const other = document.createElement("script");
            other.textContent = "window.ran = true";
            document.body.append(other);
            return window.ran === true;
        }"""
    )

    assert ran is False


def test_learning_rates_costs_and_durations_sort_as_the_numbers_they_are(browser: Any) -> None:
    """Whatever their units; in a column of words, words sort from A, and what is missing comes last."""
    columns = ("name", "lr", "time", "size", "again")
    kinds: tuple[Kind, ...] = ("text", "text", "number", "number", "text")
    rows = (
        ("b", "0.001", "+3.2 min", "24.2 k", ">95"),
        ("a", "1e-05", "28 s", "138 M", "85"),
        ("c", "0.1", "2.1 h", "-", "95 to >95"),
    )
    table = Table("t", columns, rows, kinds=kinds)
    shown = browser.new_page()
    shown.set_content(html_page(Page(title="t", words=ENGLISH, opening=(Sheet(table),), sections=())))

    for column, expected in (("name", "abc"), ("lr", "cba"), ("time", "cba"), ("size", "abc"), ("again", "bca")):
        shown.get_by_role("button", name=column).click()
        assert "".join(shown.locator("tbody th").all_inner_texts()) == expected
    shown.close()
