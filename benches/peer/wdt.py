"""WDT's stockout query through the Qimen gateway."""

import hashlib
import json
import os

import requests

from settings import SECRETS, SID, TIME, now

URL = os.environ["DOUGONG_WDT_URL"]
TARGET = os.environ["DOUGONG_WDT_TARGET_APP_KEY"]
PAGE_SIZE = 100

# Never queued, never logged.
PERSONAL = {
    "buyer_message", "buyer_nick", "cs_remark", "customer_name", "id_card", "id_card_type",
    "invoice_title", "nick_name", "print_remark", "stockout_receiver_dtb",
}

session = requests.Session()


class WdtError(Exception):
    pass


def sign(params, secret):
    text = "".join(key + params[key] for key in sorted(params))
    return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()


def query(start, end, page_no):
    """Asks for one page; floats stay the text they came as."""
    keys = SECRETS["wdt"]
    protocol = {
        "method": "wdt.stockout.order.query.trade",
        "app_key": keys["app_key"],
        "target_app_key": TARGET,
        "timestamp": now().strftime(TIME),
        "format": "json",
        "v": "2.0",
        "sign_method": "md5",
    }
    business = {
        "sid": SID,
        "start_time": start.strftime(TIME),
        "end_time": end.strftime(TIME),
        "status": "110",
        "is_by_modified": "1",
        "page_no": str(page_no),
        "page_size": str(PAGE_SIZE),
    }
    protocol["sign"] = sign(protocol | business, keys["app_secret"])
    response = session.post(URL, params=protocol, data=business, timeout=(10, 60))
    response.raise_for_status()
    body = json.loads(response.content, parse_float=str)
    if "error_response" in body:
        raise WdtError(body["error_response"])
    reply = body["response"]
    if str(reply.get("errorcode")) != "0":
        raise WdtError(reply.get("message"))
    return reply


def pages(start, end):
    """Reads a window's pages from the last to the first."""
    first = query(start, end, 0)
    total = int(first["total_count"])
    for page_no in range((total - 1) // PAGE_SIZE, 0, -1):
        yield query(start, end, page_no).get("stockout_list") or []
    if total:
        yield first["stockout_list"]


def without_personal_data(row):
    row = {key: value for key, value in row.items() if not (key.startswith("receiver_") or key in PERSONAL)}
    if "details_list" in row:
        row["details_list"] = [without_personal_data(line) for line in row["details_list"]]
    return row
