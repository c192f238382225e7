# SPDX-License-Identifier: GPL-2.0-only
#
# How Sphinx sets the book; Documentation/sphinx/build calls it.

import re

from docutils import nodes

project = "ipcbook"
copyright = "GPL-2.0-only"
html_show_sphinx = False
html_show_sourcelink = False
extensions = ["sphinx.ext.graphviz"]
exclude_patterns = ["generated/measured/[!i]*.rst"]
# What is shown in blocks are shells, mostly; C says so.
highlight_language = "none"
graphviz_output_format = "svg"
smartquotes = False
c_id_attributes = ["__user", "__force", "__must_check", "__percpu", "__rcu"]

html_theme = "alabaster"
html_static_path = ["static"]
html_css_files = ["ipcbook.css"]
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_theme_options = {
    "description": "A handbook of Linux inter-process communication",
    "page_width": "1180px",
    "sidebar_width": "230px",
    "body_max_width": "none",
    "fixed_sidebar": True,
}

MANUAL_PAGE = re.compile(r"(ipcbook[-a-z]*)\(([1-8])\)$")
FUNCTION = re.compile(r"([a-z0-9_]+)\(\)$")
STRUCTURE = re.compile(r"(?:struct|enum) ([a-z0-9_]+)$")


def targets(app):
    """Where functions and structures are described that only one thing is called."""
    found = {}
    for name, _, kind, page, anchor, _ in app.env.get_domain("c").get_objects():
        group = "function" if kind in ("function", "macro") else "structure"
        if kind in ("function", "macro", "struct", "union", "enum"):
            found.setdefault((group, name.rpartition(".")[2]), set()).add((page, anchor))
    return {key: places.pop() for key, places in found.items() if len(places) == 1}


def link_literals(app, doctree, docname):
    """Manual pages, functions and structures that are named, as links."""
    known = targets(app)
    for node in list(doctree.findall(nodes.literal)):
        if isinstance(node.parent, (nodes.reference, nodes.title)):
            continue
        text = node.astext().replace("\n", " ")
        page = MANUAL_PAGE.match(text)
        function = FUNCTION.match(text)
        structure = STRUCTURE.match(text)
        target = None
        if page and "generated/man/%s.%s" % page.groups() in app.env.found_docs:
            target = "generated/man/%s.%s" % page.groups(), ""
        elif function:
            target = known.get(("function", function.group(1)))
        elif structure:
            target = known.get(("structure", structure.group(1)))
        if target:
            uri = app.builder.get_relative_uri(docname, target[0])
            uri += "#" + target[1] if target[1] else ""
            node.parent.replace(node, nodes.reference("", "", node.deepcopy(), refuri=uri))


def setup(app):
    app.connect("doctree-resolved", link_literals)
