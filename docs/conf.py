"""Sphinx settings of the site: ``python -m sphinx -W -n -b html docs docs/_build/html``.

``SPIKEFA_QUICK=1`` shortens the tutorials, ``SPIKEFA_DOCS_OFFLINE=1`` builds without the inventories of other projects.
"""

import inspect
import os
import sys
from pathlib import Path

from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parent))  # generate_reference, and the gallery's order

import generate_reference
from _gallery import as_image

import spikefa

OFFLINE = bool(os.environ.get("SPIKEFA_DOCS_OFFLINE"))

project = "spikefa"
author = "The spikefa developers"
project_copyright = "2026, the spikefa developers"
version = release = spikefa.__version__

extensions = [
    "myst_nb",  # Markdown and notebooks
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}  # autosummary writes the first
# Scripts are the sources of the gallery, which makes notebooks of them; the prose is that of the pages of results.
exclude_patterns = [
    "_build",
    "generated/**/*.ipynb",
    "results/_prose",
    "tutorials/GALLERY_HEADER.rst",
    "**/sg_execution_times.rst",
]
templates_path = ["_templates"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# Notebooks are run by each build, in a folder of their own. Their widgets would load scripts from elsewhere.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "remove"
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

autosummary_generate = True
autodoc_typehints = "none"  # types stand in the docstrings
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "autolink"  # `Name` in a docstring links to what the reference has, and is plain otherwise

intersphinx_mapping = (
    {}
    if OFFLINE
    else {
        "python": ("https://docs.python.org/3", None),
        "brian2": ("https://brian2.readthedocs.io/en/stable", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
    }
)
# What a docstring may name and the site has no page of.
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(brian2|matplotlib|neo|numpy|pandas|pynwb|typing|collections|abc)\..*",
    ),  # linked if their inventories are read
    ("py:class", r"(Enum|ValueError|Exception|ABC|Generic)"),
    ("py:.*", r"spikefa\.(core|engine|executors|cli|study|_registry|_checks)(\..*)?|core\.part"),
    ("py:class", r"spikefa\..*\.(_\w+|Monitor|LayerCopy|Readout|RunFiles|DependentProjection)"),
    ("py:obj", r"spikefa\.datasets\.speech|spikefa\.plotting\.figures\.figures|Network\.parts"),
    ("py:obj", r"[a-z_]+"),  # an argument or attribute
]

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["generated/tutorials"],
    "filename_pattern": r"/\d_",
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "download_all_examples": False,
    "plot_gallery": "True",
    # Figures that pyplot does not know are shown, if a cell ends with one; other values are printed by the tutorial.
    "capture_repr": ("_repr_html_",),
    "ignore_repr_types": r"spikefa|brian2",
    "abort_on_example_error": True,
    "reference_url": {"spikefa": None},
    "reset_modules": ("matplotlib", "_gallery.safe_colours"),
}

html_theme = "pydata_sphinx_theme"
html_title = "spikefa"
html_static_path = ["_static"]
html_css_files = ["spikefa.css"]
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_show_sourcelink = False


def own_signature(app, what, name, obj, options, signature, returns):
    """Return the signature of a class by its ``__init__``: Brian2's metaclass hides it."""
    if what != "class" or signature != "(*args, **kw)":
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(plain)), None


def setup(app):
    """Write the generated pages of the reference before Sphinx reads the sources."""
    Figure._repr_html_ = as_image
    app.connect("builder-inited", lambda app: generate_reference.write(Path(app.srcdir)))
    app.connect("autodoc-process-signature", own_signature)
