//! Which names a field goes by, per kind of bill: the table's first, then the examples' and the neighbours'.

use super::BillKind;

/// The names of one field, the documented one first.
pub(super) type Names = &'static [&'static str];

/// The names of a header's fields that depend on the kind.
pub(super) struct Header {
    pub(super) from: PartyNames,
    pub(super) to: PartyNames,
    pub(super) source_no: Names,
    pub(super) quantity_total: Names,
    pub(super) lines: Names,
    pub(super) payments: Names,
    /// What the table requires of the header.
    pub(super) required: Names,
    /// What the table requires of a line.
    pub(super) required_in_lines: Names,
}

/// The names of a party's fields.
pub(super) struct PartyNames {
    pub(super) id: Names,
    pub(super) code: Names,
    pub(super) name: Names,
    pub(super) external_id: Names,
}

const REMARK: Names = &["remarks", "reamrks", "remark"];
pub(super) const NUMBER: Names = &["billno"];
pub(super) const BUID: Names = &["buid"];
pub(super) const THIRD_PARTY_NO: Names = &["tbillno"];
pub(super) const BUSINESS_DATE: Names = &["rdate"];
pub(super) const CREATED_AT: Names = &["billingdate", "cdate"];
pub(super) const SUBMITTED_AT: Names = &["refertime"];
pub(super) const CREATOR: Names = &["cname", "cbill"];
pub(super) const BUSINESS_ID: Names = &["businessid"];
pub(super) const AMOUNT_TOTAL: Names = &["dealtotal"];
pub(super) const HEADER_REMARK: Names = REMARK;
pub(super) const LINE_REMARK: Names = &["remark", "remarks", "reamrks"];
pub(super) const ADDITIONAL_UNIT: Names = &["additionalunit", "additional_unit"];
pub(super) const REQUIRED_IN_PAYMENTS: Names = &["paycode", "payname", "paymoney"];

/// The field whose repetition is a slip of the table: the text is meant as the third party's id (N5).
pub(super) const REPEATED: &str = "outstoreuid";

const GOODS: Names = &["produid", "prodcode", "prodname", "unit", "dealpri", "amount", "trademoney"];
const GOODS_WITH_ID: Names =
    &["ibiuid", "produid", "prodcode", "prodname", "unit", "standard", "amount", "dealpri", "trademoney"];
const LINES: Names = &["billitems", "billnoproductsitems", "billnoitems"];
const LINES_WITH_ID: Names = &["billnoproductsitems", "billitems", "billnoitems"];
const PAYMENTS: Names = &["payitems", "billnopyaitems", "billnopayitems"];

pub(super) const fn header(kind: BillKind) -> Header {
    match kind {
        BillKind::Declare => DECLARE,
        BillKind::Receipt | BillKind::Return => RETURNED,
        BillKind::Outbound => OUTBOUND,
        BillKind::Sale => SALE,
    }
}

const DECLARE: Header = Header {
    from: PartyNames {
        id: &["deliverywhid", "outstoreuid"],
        code: &["deliverywhcode", "outstorecode"],
        name: &["deliverywhname", "outstorename"],
        external_id: &["extdeliverywhid", "extoutstoreuid"],
    },
    to: PartyNames {
        id: &["storeuid", "instoreuid"],
        code: &["storecode", "instorecode"],
        name: &["storename", "instorename"],
        external_id: &["extstoreuid", "extinstoreuid"],
    },
    source_no: &["parebillno", "stobillno"],
    quantity_total: &["amounttotal", "tnum"],
    lines: LINES,
    payments: PAYMENTS,
    required: &[
        "billno",
        "rdate",
        "billingdate",
        "refertime",
        "deliverywhid",
        "deliverywhcode",
        "deliverywhname",
        "storeuid",
        "storecode",
        "storename",
        "amounttotal",
        "dealtotal",
    ],
    required_in_lines: GOODS,
};

const RETURNED: Header = Header {
    from: PartyNames {
        id: &["outstoreuid", "deliverywhid"],
        code: &["outstorecode", "deliverywhcode"],
        name: &["outstorename", "deliverywhname"],
        external_id: &["extoutstoreuid", "extdeliverywhid"],
    },
    to: PartyNames {
        id: &["instoreuid", "storeuid"],
        code: &["instorecode", "storecode"],
        name: &["instorename", "storename"],
        external_id: &["extinstoreuid", "extstoreuid"],
    },
    source_no: &["stobillno", "parebillno"],
    quantity_total: &["amounttotal", "tnum"],
    lines: LINES,
    payments: PAYMENTS,
    required: &[
        "billno",
        "rdate",
        "billingdate",
        "refertime",
        "outstoreuid",
        "outstorecode",
        "outstorename",
        "instoreuid",
        "instorecode",
        "instorename",
        "amounttotal",
        "dealtotal",
    ],
    required_in_lines: GOODS,
};

/// Here `storeid` is the warehouse and `shopid` the store (N13).
const OUTBOUND: Header = Header {
    from: PartyNames {
        id: &["storeid", "outstoreuid", "deliverywhid"],
        code: &["outstorecode", "deliverywhcode"],
        name: &["storename", "outstorename", "deliverywhname"],
        external_id: &["extoutstoreuid", "extdeliverywhid"],
    },
    to: PartyNames {
        id: &["shopid", "instoreuid", "storeuid"],
        code: &["shopcode", "instorecode"],
        name: &["shopname", "instorename"],
        external_id: &["extinstoreuid", "extstoreuid"],
    },
    source_no: &["parebillno", "stobillno"],
    quantity_total: &["amount", "tnum", "amounttotal"],
    lines: LINES_WITH_ID,
    payments: PAYMENTS,
    required: &[
        "billno",
        "buid",
        "rdate",
        "billingdate",
        "amount",
        "dealtotal",
        "cname",
        "shopid",
        "shopname",
        "storeid",
        "storename",
    ],
    required_in_lines: GOODS_WITH_ID,
};

/// Here `storename` is the store, and so is `shopname` of the example (N12); no warehouse is named.
const SALE: Header = Header {
    from: PartyNames {
        id: &["outstoreuid", "deliverywhid"],
        code: &["outstorecode", "deliverywhcode"],
        name: &["outstorename", "deliverywhname"],
        external_id: &["extoutstoreuid", "extdeliverywhid"],
    },
    to: PartyNames {
        id: &["storeuid", "shopid", "instoreuid"],
        code: &["storecode", "shopcode", "instorecode"],
        name: &["storename", "shopname", "instorename"],
        external_id: &["extstoreuid", "extinstoreuid"],
    },
    source_no: &["parebillno", "stobillno"],
    quantity_total: &["amounttotal", "tnum", "amount"],
    lines: LINES_WITH_ID,
    payments: &["billnopyaitems", "billnopayitems", "payitems"],
    required: &[
        "billno",
        "buid",
        "rdate",
        "billingdate",
        "storeuid",
        "storecode",
        "storename",
        "amounttotal",
        "dealtotal",
        "cname",
    ],
    required_in_lines: GOODS_WITH_ID,
};
