"""Checks many programs in one process: a JSON object `{"source", "policy"}` a line in, the answer or `null` a line out."""

import json
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True

import cofferdam_policy

for line in sys.stdin:
    request = json.loads(line)
    print(cofferdam_policy.answer(request["source"], request["policy"]) or "null")
