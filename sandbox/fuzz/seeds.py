"""Writes the programs of the test corpora, and the examples of the repository, as seeds of `policy_check`."""

import json
import pathlib

here = pathlib.Path(__file__).parent
seeds = here / "corpus" / "policy_check"
seeds.mkdir(parents=True, exist_ok=True)
for path in sorted((here.parent / "tests" / "corpus").glob("*.jsonl")):
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        # What the policy refuses for its size alone teaches the fuzzer nothing.
        if len(row["code"].encode()) <= 4096:
            (seeds / row["id"]).write_bytes(row["code"].encode())
for path in sorted((here.parent.parent / "examples" / "strategies").glob("*.py")):
    (seeds / path.name).write_bytes(path.read_bytes())
print(len(list(seeds.iterdir())), "seeds in", seeds)
