"""Prints the rows of a CSV file as JSON, as Python's csv reads them."""
import csv
import json
import sys

csv.field_size_limit(sys.maxsize)
with open(sys.argv[1], encoding="utf-8-sig", newline="") as f:
    json.dump(list(csv.reader(f, strict=True)), sys.stdout)
