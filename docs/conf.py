"""The documentation as a site: `make site` writes it to build/site, without network, every warning an error."""

from __future__ import annotations

import os
import re
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from tests.docs.llms import ELSEWHERE

project = "ablate"
version = release = installed_version("ablate-harness")
html_title = f"ablate {version}"

extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["_build", "images"]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}

myst_heading_anchors = 4

smartquotes = False

# The notebooks are text; their cells are carried out for every build, and an error in one ends it.
nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

# `make links`: one slow server is no broken link, and addresses of one's own machine are examples.
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1|mlflow)\b"]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]

html_theme = "furo"
html_static_path = ["_static"]
html_extra_path = ["llms.txt"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"(\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")


def setup(app: Sphinx) -> None:
    """Sphinx calls this: the texts are changed as they are read."""
    app.connect("source-read", read_page)
    app.connect("html-page-context", name_language)


def read_page(_: Sphinx, page: str, source: list[str]) -> None:
    """Put in the text of a page that stands elsewhere, and the list of decisions under the page that tells of them."""
    if page in ELSEWHERE:
        path = Path(ELSEWHERE[page])
        text = (ROOT / path).read_text(encoding="utf-8")
        source[0] = _LINK.sub(lambda found: found[1] + _from(page, path.parent / found[2]) + found[3], text)
    if page == "adr/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"


def name_language(_: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Tell browsers and screen readers in which language a page is; what stands around it stays English."""
    context["language"] = "zh-CN" if page.startswith("zh/") else "en"


def _from(page: str, path: Path) -> str:
    """A path in the repository, as a link in a page of the site has it."""
    for other, elsewhere in ELSEWHERE.items():
        if path == Path(elsewhere):
            path = Path(f"docs/{other}.md")
    return os.path.relpath(path, Path("docs", page).parent)
