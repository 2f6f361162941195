"""What both functions read once per environment."""

import csv
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

BEIJING = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
SCHEME = "online-sales"

TENANT = os.environ["DOUGONG_TENANT"]
SID = os.environ["DOUGONG_WDT_SID"]
QUEUE = os.environ["DOUGONG_ORDERS_QUEUE_URL"]
WATERMARKS = os.environ["DOUGONG_WATERMARKS_TABLE"]
DOCUMENTS = os.environ["DOUGONG_DOCUMENTS_TABLE"]
SECRETS = json.loads(Path(os.environ["DOUGONG_SECRETS"]).read_text(encoding="utf-8"))


def now():
    return datetime.now(BEIJING)


def document_key(stockout):
    return f"stockout#{SID}#{stockout['stockout_id']}"


def table(name):
    """Reads a table of the configuration: rows by the first column."""
    path = Path(os.environ["DOUGONG_CONFIG"]) / "tables" / f"{name}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        key = rows.fieldnames[0]
        return {row[key]: row for row in rows}
