"""Prints every cell of a workbook as JSON, with the type openpyxl gives it: f is a formula."""
import json
import sys

import openpyxl


def shown(cell):
    return {"Text": "" if cell.value is None else str(cell.value), "Type": cell.data_type}


book = openpyxl.load_workbook(sys.argv[1])
json.dump({s.title: [[shown(c) for c in row] for row in s.iter_rows()] for s in book.worksheets}, sys.stdout)
