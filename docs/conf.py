"""The documentation site: `uv run --group docs sphinx-build -W docs site`."""

import sys
from pathlib import Path

import hubblefork

sys.path.insert(0, str(Path(__file__).parent))  # reference_pages.py

project = "hubblefork"
author = "The hubblefork developers"
copyright = author
version = release = hubblefork.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "reference_pages"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"
smartquotes = False  # -- begins an option

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_param = False  # keeps parameters together that are described together

html_theme = "pydata_sphinx_theme"
html_title = "hubblefork"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
