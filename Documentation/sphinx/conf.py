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
FUNCTION = re.compile(r"([a-z_]+)\(\)$")
STRUCTURE = re.compile(r"(?:struct|enum) ([a-z_]+)$")


def link_literals(app, doctree, docname):
    """Manual pages, functions and structures that are named, as links."""
    for node in list(doctree.findall(nodes.literal)):
        parent = node.parent
        if isinstance(parent, (nodes.reference, nodes.title)):
            continue
        text = node.astext().replace("\n", " ")
        page = MANUAL_PAGE.match(text)
        function = FUNCTION.match(text)
        structure = STRUCTURE.match(text)
        link = None
        if page:
            target = "generated/man/%s.%s" % page.groups()
            if target in app.env.found_docs:
                uri = app.builder.get_relative_uri(docname, target)
                link = nodes.reference("", "", node.deepcopy(), refuri=uri)
        elif function or structure:
            name = (function or structure).group(1)
            # Structures have a name space of their own: see build.
            name = name if function else "tag." + name
            kind = "func" if function else "struct"
            xref = nodes.literal()
            xref["reftype"] = kind
            link = app.env.get_domain("c").resolve_xref(
                app.env, docname, app.builder, kind, name, xref, node.deepcopy())
        if link is not None:
            parent.replace(node, link)


def setup(app):
    app.connect("doctree-resolved", link_literals)
