"""Write docs/llms.txt, the list of pages that programs read first, from docs/index.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PATH = DOCS / "llms.txt"
ELSEWHERE = {
    "readme": "README.md",
    "zh/readme": "README.zh-CN.md",
    "reports": "reports/README.md",
    "sample": "reports/sample/report.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
}
"""Pages of the site whose text stands elsewhere in the repository; in docs/ they are empty files."""

HEAD = """\
# ablate

> Ablation studies of image classifiers: a baseline, named changes, replicates; every difference with an interval, a \
verdict and a cost. Commands: `ablate init`, `plan`, `run`, `report`, `judge`, `optuna`; Python: `import ablate`.
"""


def llms_page() -> str:
    """The text of docs/llms.txt."""
    lines = [HEAD]
    for caption, pages in _sections((DOCS / "index.md").read_text(encoding="utf-8")):
        lines += [f"## {caption}\n", *(f"- [{_title(page)}]({page}.html)" for page in pages), ""]
    return "\n".join(lines)


def _sections(index: str) -> Iterator[tuple[str, list[str]]]:
    for block in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL):
        caption = re.search(r":caption: (.+)", block)
        pages = [line for line in block.splitlines() if line and not line.startswith(":")]
        yield (caption[1] if caption else "Start"), [re.sub(r".*<(.+)>", r"\1", page) for page in pages]


def _title(page: str) -> str:
    path = DOCS.parent / ELSEWHERE[page] if page in ELSEWHERE else DOCS / f"{page}.md"
    title = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert title is not None, f"{path} has no title"
    return title[1]
