"""Schedule → WDT, page by page → order queue → watermark."""

import hashlib
import json
import os
from datetime import datetime, timedelta

import boto3
from botocore.exceptions import ClientError

import wdt
from settings import BEIJING, DOCUMENTS, QUEUE, SCHEME, TIME, WATERMARKS, document_key, now

START = os.environ["DOUGONG_ONLINE_SALES_START"]
LONGEST = timedelta(hours=24)
OVERLAP = timedelta(minutes=2)
BATCH_ENTRIES, BATCH_BYTES = 10, 256 * 1024

dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")


def watermark():
    item = dynamodb.get_item(
        TableName=WATERMARKS, Key={"pk": {"S": f"scheme#{SCHEME}"}, "sk": {"S": "live"}}, ConsistentRead=True
    ).get("Item")
    return item["watermark"]["S"] if item else None


def move_watermark(before, after):
    condition = "attribute_not_exists(pk)" if before is None else "watermark = :before"
    values = {} if before is None else {":before": {"S": before}}
    item = {"pk": {"S": f"scheme#{SCHEME}"}, "sk": {"S": "live"}, "watermark": {"S": after}}
    request = {"TableName": WATERMARKS, "Item": item, "ConditionExpression": condition}
    if values:
        request["ExpressionAttributeValues"] = values
    dynamodb.put_item(**request)


def is_wanted(row):
    return (
        int(row["status"]) == 110
        and int(row["trade_type"]) in (1, 2, 4)
        and int(row.get("refund_status") or 0) not in (3, 4)
    )


def version(row):
    """A hash of the business content."""
    head = ("stockout_id", "src_order_no", "trade_no", "src_tids", "shop_no", "warehouse_no", "customer_no",
            "trade_type", "refund_status", "consign_time", "post_amount", "receivable", "discount")
    line = ("rec_id", "spec_no", "goods_count", "share_amount", "share_post", "gift_type", "refund_status",
            "batch_no", "expire_date")
    lines = sorted(row["details_list"], key=lambda one: str(one["rec_id"]))
    content = [[row.get(name) for name in head], [[one.get(name) for name in line] for one in lines]]
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def known_versions(keys):
    """What the table already holds: one read per 100 orders."""
    known = {}
    for start in range(0, len(keys), 100):
        wanted = {
            DOCUMENTS: {
                "Keys": [{"pk": {"S": key}} for key in keys[start : start + 100]],
                "ProjectionExpression": "pk, version",
            }
        }
        while wanted:
            reply = dynamodb.batch_get_item(RequestItems=wanted)
            for item in reply["Responses"].get(DOCUMENTS, []):
                known[item["pk"]["S"]] = item["version"]["S"]
            wanted = reply.get("UnprocessedKeys")
    return known


def send(bodies):
    """Sends in batches of at most 10 entries and 256 KiB; what is refused goes again once, then the run fails."""
    batch, size = [], 0
    for body in [*bodies, None]:
        length = len(body.encode()) if body is not None else 0
        if batch and (body is None or len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            entries = [{"Id": str(index), "MessageBody": text} for index, text in enumerate(batch)]
            failed = sqs.send_message_batch(QueueUrl=QUEUE, Entries=entries).get("Failed", [])
            again = [entries[int(one["Id"])] for one in failed]
            if again and sqs.send_message_batch(QueueUrl=QUEUE, Entries=again).get("Failed"):
                raise RuntimeError("the queue does not take all orders")
            batch, size = [], 0
        if body is not None:
            batch.append(body)
            size += length


def note_queued(order):
    """Writes an order as queued where nothing is; never over a later state."""
    try:
        dynamodb.put_item(
            TableName=DOCUMENTS,
            Item={
                "pk": {"S": order["key"]},
                "state": {"S": "queued"},
                "version": {"S": order["version"]},
                "scheme_day": {"S": f"{SCHEME}#{order['document']['consign_time'][:10]}"},
                "source": {"S": json.dumps(order["document"], ensure_ascii=False)},
                "updated_at": {"N": str(int(now().timestamp() * 1000))},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def take(rows):
    """Queues the orders of a page that are wanted and not known yet."""
    orders = []
    for row in filter(is_wanted, rows):
        row = wdt.without_personal_data(row)
        orders.append({"key": document_key(row), "version": version(row), "document": row})
    known = known_versions([order["key"] for order in orders])
    new = [order for order in orders if known.get(order["key"]) != order["version"]]
    send([json.dumps(order, separators=(",", ":"), ensure_ascii=False) for order in new])
    for order in new:
        note_queued(order)
    return len(new)


def handler(event, context):
    before = watermark()
    start = datetime.strptime(before or START, TIME).replace(tzinfo=BEIJING) - (OVERLAP if before else timedelta())
    newest = now().replace(microsecond=0)
    rows = queued = windows = 0
    while start <= newest:
        end = min(start + LONGEST - timedelta(seconds=1), newest)
        for page in wdt.pages(start, end):
            rows += len(page)
            queued += take(page)
        after = end.strftime(TIME)
        move_watermark(before, after)
        before, start = after, end + timedelta(seconds=1)
        windows += 1
    return {"complete": True, "windows": windows, "rows": rows, "queued": queued}
