"""BIP's token and its sales order."""

import base64
import hashlib
import hmac
import os
import time

import boto3
import requests
import simplejson

from settings import SECRETS, WATERMARKS

TOKEN_URL = os.environ["DOUGONG_BIP_TOKEN_URL"] + "/open-auth/selfAppAuth/base/v1/getAccessToken"
SAVE_URL = os.environ["DOUGONG_BIP_GATEWAY_URL"] + "/yonbip/sd/voucherorder/singleSave"

TRIES = 5
TOKEN_KEY = {"pk": {"S": "token#bip"}, "sk": {"S": "token"}}

session = requests.Session()
dynamodb = boto3.client("dynamodb")
_token = None
_token_expires = 0.0


class Refused(Exception):
    """BIP does not take the order: a person has to look at it."""


class TryAgain(Exception):
    """The message comes back later, with the same key."""


def token(refused=None):
    """The token that all environments share: BIP's newest one kills the others."""
    global _token, _token_expires
    if _token in (None, refused) or time.time() > _token_expires:
        item = dynamodb.get_item(TableName=WATERMARKS, Key=TOKEN_KEY, ConsistentRead=True).get("Item")
        if item and item["token"]["S"] != refused and time.time() < float(item["expires"]["N"]):
            _token, _token_expires = item["token"]["S"], float(item["expires"]["N"])
        else:
            _token, _token_expires = new_token()
            expires = {"N": str(int(_token_expires))}
            dynamodb.put_item(TableName=WATERMARKS, Item={**TOKEN_KEY, "token": {"S": _token}, "expires": expires})
    return _token


def new_token():
    keys = SECRETS["bip"]
    params = {"appKey": keys["app_key"], "timestamp": str(int(time.time() * 1000))}
    text = "".join(key + params[key] for key in sorted(params))
    digest = hmac.new(keys["app_secret"].encode(), text.encode(), hashlib.sha256).digest()
    params["signature"] = base64.b64encode(digest).decode()
    response = session.get(TOKEN_URL, params=params, timeout=(5, 35))
    response.raise_for_status()
    data = response.json()["data"]
    return data["access_token"], time.time() + int(data["expire"]) - 300


def save(order):
    """Saves an order; the same key again answers with the same voucher."""
    body = simplejson.dumps({"data": order}, use_decimal=True, ensure_ascii=False).encode()
    refused = None
    for attempt in range(TRIES):
        used = token(refused)
        response = session.post(
            SAVE_URL,
            params={"access_token": used},
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=(5, 35),
        )
        response.raise_for_status()
        reply = simplejson.loads(response.content, use_decimal=True)
        code, message = str(reply.get("code")), str(reply.get("message"))
        if code in ("200", "100004", "10004"):
            return reply["data"]
        if code == "310036":
            refused = used
            time.sleep(0.1 * attempt)
        elif code in ("310046", "310039", "310042", "310032", "202", "310504"):
            raise TryAgain(f"{code}: {message}")
        else:
            raise Refused(f"{code}: {message}")
    raise TryAgain("no token that BIP takes")
