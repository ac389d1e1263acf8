"""Sphinx: the pages of this folder as a site (``make docs``)."""

project = "Prompt Processing"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Prompt Processing"
exclude_patterns = ["conf.py"]
# Links within the site are checked with every build; those to other sites by `-b linkcheck`.
nitpicky = True
