"""A code that says markup in every text that it has: log, reason, results, warnings, progress, file names, and all of a figure."""

from __future__ import annotations

import os
from typing import Any

ANSI = "\x1b[31m\x1b]8;;javascript:hit(1)\x07\x1b[2J"


def bad(where: str) -> str:
    return f"<img src=x onerror=\"hit('{where}')\"><script>hit('{where}')</script>"


LINK = (
    "<a href=\"javascript:hit('link')\" onclick=\"hit('click')\" target=\"_self\">link</a>"
    "<a href=\"data:text/html,<script>hit('data')</script>\">data</a><a href=' java\tscript:hit(1)'>tab</a>"
    "<span style=\"background:url(http://evil.invalid/s.png);position:fixed;cursor:url(http://evil.invalid/c.cur),auto\">span</span>"
    "<b onmouseover=hit('b')>b</b><sub onclick=hit('sub')>s</sub>"
)


def prepare(run: Any) -> Any:
    return shout


def shout(run: Any) -> None:
    print(bad("log"))
    print(ANSI + bad("ansi") + "\x1b[0m")
    print("http://evil.invalid/<script>hit('address')</script> javascript:hit('address')")
    if run.model == "shout":
        for frame in range(3):
            run.progress(fraction=(frame + 1) / 3, frames=frame + 1, message=bad("progress"))
    for name in (bad("file").replace("/", "_"), "=cmd()|' -C calc'!A0.csv", "\u202etxt.exe"):
        with open(name, "w") as file:
            file.write(f"name,value\n=cmd()|' /C calc'!A0,1\n@SUM(1),2\n{bad('csv')},3\n")
    with open("page.html", "w") as file:
        file.write(bad("html"))
    with open("data.json", "w") as file:
        file.write('{"<img src=x onerror=hit(1)>": "<script>hit(2)</script>", "__proto__": {"polluted": true}}')
    with open("drawing.svg", "w") as file:
        file.write(
            '<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50" onload="hit(1)"><script>parent.hit(1)</script>'
            '<foreignObject width="50" height="50"><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:hit(1)"/></foreignObject>'
            '<image href="http://evil.invalid/x.png" width="9" height="9"/><rect width="50" height="50" fill="red"/></svg>'
        )
    os.makedirs(bad("folder").replace("/", "_"))
    with open(os.path.join(bad("folder").replace("/", "_"), "in.txt"), "w") as file:
        file.write("in a folder")
    if run.inputs["amount"] < 0:
        raise ValueError(bad("reason"))


def finish(run: Any) -> Any:
    if run.exit_code != 0:
        return None
    return {"results": {bad("result"): bad("value"), "__proto__": 1, "constructor": "x"}, "warnings": [bad("warning")]}


def report(run: Any, name: str, frame: int) -> dict[str, Any]:
    text = bad("figure") + LINK
    axis = {"title": {"text": text}, "tickprefix": text[:40], "ticktext": [text, text], "tickvals": [1, 2], "hoverformat": text}
    trace: dict[str, Any] = {
        "x": [1, 2], "y": [1, 2], "name": text, "hovertemplate": text + "%{x}<extra>" + text + "</extra>", "customdata": [text, text],
        "legendgroup": text, "legendgrouptitle": {"text": text},
    }
    if name == "plot":
        trace |= {"type": "scatter", "mode": "lines+markers+text", "text": [text, text], "hovertext": text}
    else:
        trace |= {"type": "heatmap", "z": [[1, 2], [3, 4]], "colorbar": {"title": {"text": text}, "ticktext": [text]}, "text": [[text, text], [text, text]]}
    formula = {"type": "scatter", "x": [1, 2], "y": [-1, 2], "name": "=cmd()|' /C calc'!A0"}
    return {
        "data": [trace, formula] if name == "plot" else [trace],
        "layout": {
            "title": {"text": text, "subtitle": {"text": text}},
            "showlegend": True,
            "xaxis": axis,
            "yaxis": axis,
            "annotations": [{"text": text, "x": 1, "y": 1, "hovertext": text, "captureevents": True}],
            "shapes": [{"type": "rect", "x0": 1, "x1": 2, "y0": 1, "y1": 2, "label": {"text": text}}],
            "images": [
                {"source": "http://evil.invalid/image.png", "x": 0, "y": 1, "sizex": 1, "sizey": 1},
                {"source": "javascript:hit('image')", "x": 0, "y": 1, "sizex": 1, "sizey": 1},
            ],
            "updatemenus": [{"buttons": [{"label": text, "method": "restyle", "args": ["name", text]}]}],
            "modebar": {"add": ["sendDataToCloud"]},
            "meta": [text],
        },
        "config": {"plotlyServerURL": "http://evil.invalid", "showSendToCloud": True, "displayModeBar": True},
    }
