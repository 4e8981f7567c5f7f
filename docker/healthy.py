"""Whether the server lets clients in, and its database answers: exit code 0.

    python healthy.py [ADDRESS]

`/health` answers 200 to everybody, also while every client is refused for its Host header. This asks as a user who
does not exist: the server must look for the name in the database to say 401.
"""

from __future__ import annotations

import base64
import sys
import urllib.error
import urllib.request

DEFAULT = "http://localhost:5000"


def is_healthy(address: str) -> bool:
    """True where an unknown user is refused for that reason. Raises OSError where nobody answers."""
    nobody = base64.b64encode(b":").decode()
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search",
        data=b'{"max_results": 1}',
        headers={"Content-Type": "application/json", "Authorization": f"Basic {nobody}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to this machine
    try:
        opener.open(request, timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code == 401
    return False  # it lets everybody in


if __name__ == "__main__":
    sys.exit(not is_healthy(sys.argv[1] if len(sys.argv) > 1 else DEFAULT))
