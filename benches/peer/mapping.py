"""A stockout becomes a sales order of BIP."""

import hashlib
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from settings import SCHEME, TENANT, TIME, document_key, table

CENT = Decimal("0.01")
PRICE = Decimal("0.00000001")
ONE = Decimal(1)
NO_DATES = ("", "0000-00-00", "0000-00-00 00:00:00")
POSTAGE_GOODS = "SKU-FREIGHT"

SHOPS, WAREHOUSES, GOODS = table("shops"), table("warehouses"), table("goods")
TAXES, UNITS = table("taxes"), table("units")


class Unmappable(Exception):
    """The order cannot be booked as it is: a person has to look at it."""


def look_up(rows, key, what):
    try:
        return rows[key]
    except KeyError:
        raise Unmappable(f"no {what} {key!r}") from None


def cents(amount):
    return amount.quantize(CENT, ROUND_HALF_UP)


def number(value):
    """A JSON number without trailing zeros."""
    value = value.normalize()
    return value.quantize(ONE) if value.as_tuple().exponent > 0 else value


def spread(shares):
    """Rounds together: the sum is right to the cent, the largest fractions get the missing cents."""
    floors = [share.quantize(CENT, ROUND_FLOOR) for share in shares]
    missing = int((cents(sum(shares)) - sum(floors)) / CENT)
    by_fraction = sorted(range(len(shares)), key=lambda index: (floors[index] - shares[index], index))
    for index in by_fraction[:missing]:
        floors[index] += CENT
    return floors


def batches(line, goods, count):
    """The batches a line was taken from: `(batch, expiry, count)`."""
    if goods["batch_managed"] != "yes":
        return [(None, None, count)]
    found = {}
    for position in line.get("position_list") or []:
        batch = position.get("batch_no") or line.get("batch_no")
        expiry = position.get("expire_date") or line.get("expire_date")
        taken = Decimal(str(position.get("position_goods_count") or position.get("num") or 0))
        before = found.get(batch, (expiry, Decimal(0)))
        found[batch] = (before[0], before[1] + taken)
    if not found:
        found[line.get("batch_no")] = (line.get("expire_date"), count)
    if any(batch in (None, "") for batch in found):
        raise Unmappable(f"{line['spec_no']} came without a batch")
    if sum(taken for _, taken in found.values()) != count:
        raise Unmappable(f"the batches of {line['spec_no']} do not add up")
    return [(batch, expiry, taken) for batch, (expiry, taken) in sorted(found.items())]


def drafts(stockout):
    """Yields `(line, goods, gift, count, share, batch, expiry)`."""
    for line in sorted(stockout["details_list"], key=lambda line: int(line["rec_id"])):
        count, share = Decimal(str(line["goods_count"])), Decimal(str(line["share_amount"]))
        if not count and not share:
            continue
        goods = look_up(GOODS, line["spec_no"], "goods")
        gift = int(line.get("gift_type") or 0) not in (0, 65) and not share
        left = share
        parts = batches(line, goods, count)
        for batch, expiry, taken in parts[:-1]:
            part = (share * taken / count).quantize(PRICE, ROUND_HALF_UP)
            left -= part
            yield line, goods, gift, taken, part, batch, expiry
        batch, expiry, taken = parts[-1]
        yield line, goods, gift, taken, left, batch, expiry
    postage = Decimal(str(stockout.get("post_amount") or 0))
    if postage:
        yield None, look_up(GOODS, POSTAGE_GOODS, "goods"), False, ONE, postage, None, None


def counted(goods, count, unit, rate):
    """A count in another unit if it comes out whole, else in the main unit: `(unit, count, rate)`."""
    if goods[unit] and not count % Decimal(goods[rate]):
        return goods[unit], count / Decimal(goods[rate]), Decimal(goods[rate])
    return goods["main_unit"], count, ONE


def order_line(draft, ori_sum, head):
    line, goods, gift, count, _, batch, expiry = draft
    tax = look_up(TAXES, goods["tax"], "tax")
    sales_unit, sub_qty, sales_rate = counted(goods, count, "sales_unit", "sales_rate")
    price_unit, price_qty, price_rate = counted(goods, count, "price_unit", "price_rate")
    money = cents(ori_sum / (ONE + Decimal(tax["rate"])))
    tax_price = (ori_sum / price_qty).quantize(PRICE, ROUND_HALF_UP)
    price = (money / price_qty).quantize(PRICE, ROUND_HALF_UP)
    made = {
        "_status": "Insert",
        "orderProductType": "GIFT" if gift else "SALE",
        "productId": goods["product"],
        "masterUnitId": UNITS[goods["main_unit"]]["unit_id"],
        "iProductAuxUnitId": UNITS[sales_unit]["unit_id"],
        "iProductUnitId": UNITS[price_unit]["unit_id"],
        "qty": number(count),
        "subQty": number(sub_qty),
        "priceQty": number(price_qty),
        "invExchRate": number(sales_rate),
        "invPriceExchRate": number(price_rate),
        "unitExchangeType": 0,
        "unitExchangeTypePrice": 0,
        "salesOrgId": head["salesOrgId"],
        "settlementOrgId": head["settlementOrgId"],
        "stockOrgId": head["stock_org"],
        "consignTime": head["vouchdate"],
        "taxId": tax["tax_id"],
        "oriTaxUnitPrice": number(tax_price),
        "oriSum": number(ori_sum),
        "orderDetailPrices!oriUnitPrice": number(price),
        "orderDetailPrices!oriMoney": number(money),
        "orderDetailPrices!oriTax": number(ori_sum - money),
        "orderDetailPrices!natTaxUnitPrice": number(tax_price),
        "orderDetailPrices!natUnitPrice": number(price),
        "orderDetailPrices!natSum": number(ori_sum),
        "orderDetailPrices!natMoney": number(money),
        "orderDetailPrices!natTax": number(ori_sum - money),
    }
    if goods["sku"]:
        made["skuId"] = goods["sku"]
    if line is not None:
        made["stockId"] = head["stock"]
        made["memo"] = f"rec_id={line['rec_id']}"
    if goods["batch_managed"] == "yes":
        made["isBatchManage"] = True
        made["batchNo"] = batch
    if goods["expiry_managed"] == "yes":
        if not expiry or expiry in NO_DATES:
            raise Unmappable(f"{line['spec_no']} came without an expiry date")
        expires = datetime.strptime(expiry[:10], "%Y-%m-%d")
        made["isExpiryDateManage"] = True
        made["invalidDate"] = expires.strftime(TIME)
        if goods["shelf_life_days"]:
            produced = expires - timedelta(days=int(goods["shelf_life_days"]))
            made["productDate"] = produced.strftime(TIME)
    return made


def resubmit_key(stockout):
    text = f"{TENANT}|{SCHEME}|{document_key(stockout)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def order(stockout):
    """Maps a stockout, or says why it cannot be booked."""
    shop = look_up(SHOPS, stockout["shop_no"], "shop")
    warehouse = look_up(WAREHOUSES, stockout["warehouse_no"], "warehouse")
    settlement = shop["settlement_org"] or shop["sales_org"]
    facts = {
        "salesOrgId": shop["sales_org"],
        "settlementOrgId": settlement,
        "stock_org": warehouse["stock_org"],
        "stock": warehouse["stock"],
        "vouchdate": stockout["consign_time"],
    }
    made = list(drafts(stockout))
    shares = [draft[4] for draft in made]
    receivable = stockout.get("receivable")
    if receivable not in (None, "") and abs(sum(shares) - Decimal(str(receivable))) > CENT:
        raise Unmappable("the shares and the postage are not the receivable")
    lines = [order_line(draft, amount, facts) for draft, amount in zip(made, spread(shares))]
    if not lines:
        raise Unmappable("the order has no lines")
    stockout_no = stockout.get("stockout_no") or stockout.get("order_no")
    return {
        "_status": "Insert",
        "resubmitCheckKey": resubmit_key(stockout),
        "code": stockout_no,
        "salesOrgId": shop["sales_org"],
        "settlementOrgId": settlement,
        "transactionTypeId": shop["transaction_type"],
        "vouchdate": stockout["consign_time"],
        "agentId": shop["customer"],
        "invoiceAgentId": shop["invoice_customer"] or shop["customer"],
        "source": 4,
        "invoiceUpcType": 1,
        "memo": f"WDT {stockout_no} / {stockout.get('src_order_no', '')}",
        "orderPrices!currency": "CNY",
        "orderPrices!natCurrency": "CNY",
        "orderPrices!exchRate": 1,
        "orderPrices!exchangeRateType": "01",
        "orderPrices!taxInclusive": True,
        "payMoney": number(sum(line["oriSum"] for line in lines)),
        "orderDetails": lines,
    }
