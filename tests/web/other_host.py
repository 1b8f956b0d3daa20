"""Run in a network namespace of its own: asks a server of ours from an address that is not loopback.

Prints a line of JSON: the status of each path, without and with the token, and whether reasons came with it.
"""

import asyncio
import json
import subprocess
import sys

import httpx
from structlog.testing import capture_logs

import vital_parts
from tapewatch.background import background
from tapewatch.vitals import Vitals
from tapewatch.web.server import serve
from web.serving import sources

ADDRESS = "10.9.9.1"


async def main(token: str | None) -> None:
    with capture_logs() as logs:
        async with background(serve(sources(Vitals(vital_parts.config())), ("0.0.0.0", 8790), token)):
            await vital_parts.until(lambda: any(line["event"] == "http.listening" for line in logs))
            print(json.dumps(await asked(token)))


async def asked(token: str | None) -> dict[str, object]:
    sent = {"Authorization": f"Bearer {token}"} if token else {"Host": "localhost:8790"}
    found: dict[str, object] = {}
    async with httpx.AsyncClient(base_url=f"http://{ADDRESS}:8790", trust_env=False) as http:
        for path in ("/healthz", "/readyz", "/metrics"):
            found[path] = [
                (await http.get(path)).status_code,
                (await http.get(path, headers=sent)).status_code,
            ]
        found["reasons"] = ["checks" in (await http.get("/readyz", headers=own)).json() for own in ({}, sent)]
    return found


if __name__ == "__main__":
    for command in (["link", "set", "lo", "up"], ["addr", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(["ip", *command], check=True)
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
