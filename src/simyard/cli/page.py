"""A report as one HTML file that needs nothing else: the figure, the results, and the program that draws them."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from simyard.cli.common import number
from simyard.errors import SimyardError

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; margin: 0 auto; max-width: 1100px; padding: 1.5rem; }}
h1 {{ font-size: 1.3rem; margin: 0 0 1rem; }}
#plot {{ width: 100%; height: 70vh; min-height: 420px; }}
table {{ border-collapse: collapse; margin-top: 1rem; }}
td {{ padding: .2rem 1.2rem .2rem 0; border-bottom: 1px solid #e3e8ee; }}
td + td {{ font-variant-numeric: tabular-nums; }}
</style>
<h1>{title}</h1>
<div id="plot"></div>
<table>{results}</table>
<script>{plotly}</script>
<script>
const figure = {figure};
Plotly.newPlot('plot', figure.data, {{...figure.layout, autosize: true, width: undefined, height: undefined}},
  {{responsive: true, displaylogo: false}});
</script>
</html>
"""


def page(figure: Mapping[str, Any], title: str, results: Mapping[str, Any]) -> str:
    """The text of the HTML file. Raises SimyardError where the drawing program is missing from this installation."""
    plotly = resources.files("simyard.web") / "static" / "vendor" / "plotly-cartesian.min.js"
    try:
        program = plotly.read_text("utf-8")
    except OSError as error:
        raise SimyardError(
            "no-plotly", f"This installation of Simyard lacks {plotly} ({error.strerror}): write the report as .json."
        ) from None
    # in a script element only "</" could end it early
    data = json.dumps(figure, ensure_ascii=False).replace("</", "<\\/")
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(number(value))}</td></tr>" for name, value in results.items()
    )
    return _PAGE.format(title=html.escape(title), results=rows, plotly=program, figure=data)
