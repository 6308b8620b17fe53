"""Prints the tables of every sheet of a workbook, and the charts of the Summary, as JSON."""
import json
import sys

import openpyxl


def text(title):
    return "".join(run.t for p in title.tx.rich.p for run in p.r or [])


book = openpyxl.load_workbook(sys.argv[1])
charts = []
for c in book["Summary"]._charts:
    start, end = c.anchor._from, c.anchor.to
    charts.append({
        "Kind": c.tagname + " " + c.type + " " + c.grouping,
        "Title": text(c.title),
        "Anchor": [start.col, start.row, end.col, end.row],
        "Series": [[s.tx.strRef.f, s.cat.strRef.f, s.val.numRef.f] for s in c.series],
    })
tables = {
    s.title: [{"Name": t.displayName, "Ref": t.ref, "Columns": t.column_names} for t in s.tables.values()]
    for s in book.worksheets
}
json.dump({"Tables": tables, "Charts": charts}, sys.stdout)
