"""`python -m bench.peers LIBRARY SCRIPT [ARGUMENT ...]`: the rows that the script's function for the library finds, as JSON.

Without the library, or a function for it, there are none.
"""

import importlib
import importlib.util
import json
import sys
import traceback

from bench.environments import LIBRARIES


def main(library: str, script: str, *arguments: str) -> None:
    rows, failed = {}, ""
    if all(importlib.util.find_spec(package) for package in LIBRARIES[library]):
        try:
            measured = getattr(importlib.import_module(f"bench.peers.{script}"), library, None)
            for name, figure in measured(*arguments) if measured else ():
                rows[name] = figure
        except Exception as error:
            traceback.print_exc()
            failed = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    print(json.dumps({"rows": rows, "failed": failed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
