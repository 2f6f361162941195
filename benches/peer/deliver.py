"""Order queue → mapping → BIP."""

import json
import logging
import time

import boto3
from botocore.exceptions import ClientError

import bip
import mapping
from settings import DOCUMENTS

LEASE_SECONDS = 150
KEEP_SECONDS = 400 * 86_400

log = logging.getLogger()
dynamodb = boto3.client("dynamodb")


def update(key, expression, values, condition=None):
    request = {
        "TableName": DOCUMENTS,
        "Key": {"pk": {"S": key}},
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {"#state": "state"} | ({"#source": "source"} if "#source" in expression else {}),
        "ExpressionAttributeValues": values,
    }
    if condition:
        request["ConditionExpression"] = condition
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    dynamodb.update_item(**request)


def begin(order):
    """Claims an order; false if it is booked or parked already."""
    now = int(time.time())
    try:
        update(
            order["key"],
            "SET #state = :posting, version = :version, lease_until = :until",
            {
                ":posting": {"S": "posting"},
                ":queued": {"S": "queued"},
                ":version": {"S": order["version"]},
                ":until": {"N": str(now + LEASE_SECONDS)},
                ":now": {"N": str(now)},
            },
            "attribute_not_exists(pk) OR #state = :queued OR (#state = :posting AND lease_until < :now)",
        )
        return True
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        if error.response["Item"]["state"]["S"] == "posting":
            raise bip.TryAgain("another worker holds it") from None
        return False


def record_posted(key, saved):
    update(
        key,
        "SET #state = :posted, voucher_id = :id, voucher_code = :code, expires_at = :expires"
        " REMOVE lease_until, #source",
        {
            ":posted": {"S": "posted"},
            ":id": {"S": str(saved["id"])},
            ":code": {"S": str(saved["code"])},
            ":expires": {"N": str(int(time.time()) + KEEP_SECONDS)},
        },
    )


def record_parked(key, reason):
    update(
        key,
        "SET #state = :parked, attention = :parked, attention_at = :now, problems = :reason REMOVE lease_until",
        {
            ":parked": {"S": "parked"},
            ":now": {"N": str(int(time.time() * 1000))},
            ":reason": {"S": reason},
        },
    )


def deliver(order):
    if not begin(order):
        return
    try:
        saved = bip.save(mapping.order(order["document"]))
    except (mapping.Unmappable, bip.Refused) as error:
        log.warning("%s is parked: %s", order["key"], error)
        record_parked(order["key"], str(error))
        return
    record_posted(order["key"], saved)


def handler(event, context):
    """Each message stands alone: what fails comes back, its neighbours are done."""
    failures = []
    for record in event["Records"]:
        try:
            deliver(json.loads(record["body"]))
        except Exception:
            log.exception("message %s comes back", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
