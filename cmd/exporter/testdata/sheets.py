"""Prints the rows of every sheet of a workbook as JSON."""
import json
import sys

import openpyxl

book = openpyxl.load_workbook(sys.argv[1], read_only=True)
text = lambda value: "" if value is None else str(value)
json.dump({s.title: [[text(v) for v in row] for row in s.iter_rows(values_only=True)] for s in book.worksheets}, sys.stdout)
