"""The documentation site: `uv run --group docs sphinx-build -W docs site`."""

import os
import sys
import tempfile
from pathlib import Path

from nbclient import NotebookClient

import hubblefork

_here = str(Path(__file__).parent)
sys.path.insert(0, _here)  # reference_pages.py

# The kernels that run the stories find story_kernel.py, share one cache of packed images, and take
# one core each: their networks are too small for more.
os.environ["PYTHONPATH"] = os.pathsep.join([_here, *filter(None, [os.environ.get("PYTHONPATH")])])
_cache = tempfile.TemporaryDirectory()
os.environ["HUBBLEFORK_CACHE"] = _cache.name
os.environ |= {"OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}

project = "hubblefork"
author = "The hubblefork developers"
copyright = author
version = release = hubblefork.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "reference_pages"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
NotebookClient.startup_timeout.default_value = 600  # of a kernel, on a busy machine
nb_merge_streams = True
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
