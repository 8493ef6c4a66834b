project="x"
extensions=["myst_parser"]
myst_heading_anchors=4
html_theme="furo"
