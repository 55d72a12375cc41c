"""A conversation with a Perdure session, using only Temporal's Python SDK.

    pip install temporalio
    python temporal_python.py [user] [session]

Sends messages to TEMPORAL_ADDRESS (default 127.0.0.1:7233) and reads answers from PERDURE_URL
(default http://127.0.0.1:4747). Prints one JSON object per line.
"""

import asyncio
import json
import os
import sys
import time
import urllib.request
from urllib.parse import quote

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

TEMPORAL = os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233")
NAMESPACE = os.environ.get("TEMPORAL_NAMESPACE", "default")
GATEWAY = os.environ.get("PERDURE_URL", "http://127.0.0.1:4747")
TASK_QUEUE = os.environ.get("PERDURE_TASK_QUEUE", "perdure")


def workflow_id(user: str, session: str) -> str:
    """Encodes the user part as JavaScript's encodeURIComponent does."""
    encoded = quote(user, safe="!*'()")
    return f"{encoded}:{session}"


async def submit(client: Client, user: str, session: str, message: dict) -> dict:
    """Delivers a message, creates the session if it does not exist, and returns the receipt."""
    start = WithStartWorkflowOperation(
        "agentSession",
        id=workflow_id(user, session),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    return await client.execute_update_with_start_workflow(
        "submitMessage", message, start_workflow_operation=start, result_type=dict
    )


def await_answer(user: str, session: str, message_id: str) -> str:
    """Reads the session's events until the run that answers the message has ended."""
    request = urllib.request.Request(
        f"{GATEWAY}/v1/sessions/{quote(session, safe='')}/events",
        headers={"Accept": "text/event-stream", "Perdure-User": quote(user, safe="")},
    )
    run_id = None
    with urllib.request.urlopen(request, timeout=60) as stream:
        for line in stream:
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line.removeprefix(b"data: "))
            if event["type"] == "message.received" and event["messageId"] == message_id:
                run_id = event["runId"]
            if run_id is None or event.get("runId") != run_id:
                continue
            if event["type"] == "run.completed":
                return event["output"]
            if event["type"] in ("run.failed", "run.cancelled"):
                raise RuntimeError(f"The run ended as {event['type']}.")
    raise RuntimeError("The event stream ended before the run did.")


def show(what: str, value: object) -> None:
    print(json.dumps({what: value}, ensure_ascii=False), flush=True)


async def main(user: str, session: str) -> None:
    client = await Client.connect(TEMPORAL, namespace=NAMESPACE)

    # By update: returns a receipt. Sending the same id again returns the same receipt.
    question = {"id": "python-1", "content": "What is 12 * 34?"}
    receipt = await submit(client, user, session, question)
    show("receipt", receipt)
    show("repeated", await submit(client, user, session, question))
    show("answer", await asyncio.to_thread(await_answer, user, session, "python-1"))

    # By signal: fire and forget.
    handle = client.get_workflow_handle(workflow_id(user, session))
    await handle.signal("submitMessage", {"id": "python-2", "content": "And what time is it?"})
    show("answer", await asyncio.to_thread(await_answer, user, session, "python-2"))

    show("snapshot", await handle.query("session", result_type=dict))

    await handle.execute_update("endSession", {"reason": "booked"})
    try:
        await submit(client, user, session, {"content": "Wait!"})
    except WorkflowUpdateFailedError as error:
        # An ApplicationError; its type is one of the codes in docs/temporal.md.
        show("refused", error.cause.type)


if __name__ == "__main__":
    # A new session each time: the example ends it.
    defaults = ["ada", f"python-{int(time.time())}"]
    asyncio.run(main(*(sys.argv[1:3] + defaults[len(sys.argv) - 1 :])))
