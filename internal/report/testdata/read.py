"""Prints every sheet of a workbook as JSON, for TestAnotherReaderSeesTheSame."""
import datetime
import json
import sys

import openpyxl


def shown(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


book = openpyxl.load_workbook(sys.argv[1], read_only=sys.argv[2] == "streamed")
json.dump({s.title: [[shown(v) for v in row] for row in s.iter_rows(values_only=True)] for s in book.worksheets}, sys.stdout)
