"""Approves what a Perdure session waits for, using only Temporal's Python SDK.

    pip install temporalio
    python temporal_approve.py user session [reason]

Reads the session's approvals from PERDURE_URL (default http://127.0.0.1:4747), and answers them by updates at
TEMPORAL_ADDRESS (default 127.0.0.1:7233). Prints one JSON object per line.
"""

import asyncio
import json
import os
import sys
import urllib.request
from urllib.parse import quote

from temporalio.client import Client, WorkflowUpdateFailedError

TEMPORAL = os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233")
NAMESPACE = os.environ.get("TEMPORAL_NAMESPACE", "default")
GATEWAY = os.environ.get("PERDURE_URL", "http://127.0.0.1:4747")


def approvals(user: str, session: str) -> list:
    """Reads the approvals that wait."""
    request = urllib.request.Request(
        f"{GATEWAY}/v1/sessions/{quote(session, safe='')}/approvals",
        headers={"Perdure-User": quote(user, safe="")},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["data"]


async def main(user: str, session: str, reason: str) -> None:
    client = await Client.connect(TEMPORAL, namespace=NAMESPACE)
    workflow_id = quote(user, safe="!*'()") + ":" + session
    handle = client.get_workflow_handle(workflow_id)
    for item in approvals(user, session):
        print(json.dumps({"tool": item["tool"], "arguments": item["arguments"]}))
        answer = {
            "itemId": item["id"],
            "answer": {"decision": "approve", "reason": reason, "hash": item["hash"]},
        }
        answered = await handle.execute_update("answerApproval", answer, result_type=dict)
        print(json.dumps({"answeredBy": answered["answeredBy"]}))
        try:
            await handle.execute_update("answerApproval", answer, result_type=dict)
        except WorkflowUpdateFailedError as error:
            print(json.dumps({"refused": error.cause.type}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "Approved."))
