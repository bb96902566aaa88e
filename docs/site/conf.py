"""How Sphinx makes the documentation's site. tests/runner/site.py puts the pages beside this file, and sets the variables of the environment."""

import os

import yaml

with open(os.environ["GALAXY_YML"], encoding="utf-8") as galaxy:
    collection = yaml.safe_load(galaxy)

project = f"{collection['namespace']}.{collection['name']}"
author = ", ".join(collection["authors"])
project_copyright = author
version = release = str(collection["version"])
language = "en"

extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx.ext.intersphinx", "sphinxcontrib.mermaid"]
myst_heading_anchors = 4
myst_enable_extensions = ["substitution"]
myst_substitutions = {"issues": collection["issues"]}
myst_fence_as_directive = ["mermaid"]
myst_links_external_new_tab = False
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]
intersphinx_mapping = {"ansible": ("https://docs.ansible.com/ansible/latest/", os.environ["ANSIBLE_INVENTORY_FILE"])}

html_theme = "furo"
html_title = f"{project} {version}"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
