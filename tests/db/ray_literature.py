"""Embed what waits by Ray's actors: `ray_literature.py URL ACTORS`."""

import sys

from cheap_literature import Cheap

from tools.ingest.ray_workers import work_by_ray
from tools.store import Store

if __name__ == "__main__":
    with Store(sys.argv[1]) as store:
        report = work_by_ray(store, lambda _: Cheap(), int(sys.argv[2]))
        sys.stdout.write(f"{report.done}\n")
