"""A program in any language: a JSON line in, a JSON line out."""

import json
import sys

for line in sys.stdin:
    value = json.loads(line)
    value["double"] = 2 * value["square"]
    print(json.dumps(value), flush=True)
