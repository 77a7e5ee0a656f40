"""What became of every picture, as a table: python manifest_table.py coloured/."""

import json
import sys
from pathlib import Path

newest = {}
with Path(sys.argv[1], "_archivecolor", "manifest.jsonl").open(encoding="utf-8") as lines:
    for line in lines:
        record = json.loads(line)
        newest[record["path"]] = record  # a later line of the same picture replaces the earlier one

print(f"{'status':8} {'reason':16} {'sure':>5} {'MP':>6}  path")
for path, record in sorted(newest.items()):
    source = record["source"]
    megapixels = source.get("width", 0) * source.get("height", 0) * source.get("pages", 1) / 1e6
    confidence = record.get("confidence")
    sure = "" if confidence is None else f"{confidence:.2f}"
    print(f"{record['status']:8} {record['reason']:16} {sure:>5} {megapixels:6.1f}  {path}")
