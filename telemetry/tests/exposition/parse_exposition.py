"""Reads an exposition from standard input with the reference parser and prints it as JSON.

Usage: parse_exposition.py openmetrics|text
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

parse = {"openmetrics": openmetrics, "text": plain_text}[sys.argv[1]]
families = [
    {
        "name": family.name,
        "type": family.type,
        "unit": family.unit,
        "help": family.documentation,
        "samples": [[sample.name, sample.labels, sample.value] for sample in family.samples],
    }
    for family in parse(sys.stdin.read())
]
json.dump(families, sys.stdout)
