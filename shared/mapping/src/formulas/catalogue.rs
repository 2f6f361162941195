//! What a source document's fields are called, and of which type each is. WDT sends every field as a text.

use dougong_wdt::PERSONAL_FIELDS;

/// The type of a source field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Codes, numbers of documents, names: `"007"` keeps its zeros.
    Text,
    /// Amounts, counts, rates and weights: exact decimals.
    Number,
    /// Codes of WDT's enumerations, flags and counts of things: whole numbers.
    Whole,
    /// Times; the zero date is none.
    Time,
    /// A list of parts: lines, places, payments.
    List,
}

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The document itself, `order`.
    Head,
    /// One of its lines, `line`.
    Line,
    /// A place that a line's goods were taken from; in a bill, a payment.
    Detail,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Head, Self::Line, Self::Detail];
}

/// The kinds of documents that formulas read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    /// A stockout of WDT, under the wire names of `wdt.stockout.order.query.trade`.
    Stockout,
    /// A bill of the store system, under the names of the canonical bill.
    Bill,
}

/// One group of fields of one type; the names are parted by blanks.
type Group = (Kind, &'static str);

const STOCKOUT_HEAD: &[Group] = &[
    (
        Kind::Text,
        "stockout_id order_no src_order_no warehouse_no order_type_name subtype logistics_no logistics_code \
         logistics_name salesman_no salesman_name fullname warehouse_name remark stockout_reason outer_no trade_no \
         src_trade_no customer_no shop_name shop_no flag_name block_reason invoice_content invoice_id fenxiao_nick \
         shop_remark trade_id checker_name employee_no operator_name packager_no packager_name picker_no picker_name \
         printer_no printer_name examiner_no examiner_name stockout_no error_info warehouse_id customer_id \
         freeze_reason operator_id md5_str custom_type pre_charge_time logistics_id package_id printer_id picker_id \
         sorter_id examiner_id consigner_id packager_id checkouter_id watcher_id picklist_no flag_id \
         logistics_template_id sendbill_template_id reason_id lock_id reserve batch_no src_tids currency \
         print_batch_no trade_label shop_id shop_platform_id stockout_receiver_dtb",
    ),
    (
        Kind::Number,
        "goods_count goods_total_amount goods_total_cost post_fee package_fee weight paid post_amount cod_amount \
         unknown_goods_amount calc_post_cost post_cost calc_weight post_weight package_cost discount tax tax_rate \
         receivable raw_goods_count",
    ),
    (
        Kind::Whole,
        "order_type trade_status trade_type logistics_type refund_status status invoice_type delivery_term \
         fenxiao_type platform_id src_order_type wms_status warehouse_type is_allocated consign_status ebill_status \
         goods_type_count has_invoice pick_error_count pack_score pick_score picklist_seq invoice_print_status \
         pos_allocate_mode note_count bad_reason sendbill_print_status logistics_print_status picklist_print_status \
         trade_from sub_platform_id",
    ),
    (Kind::Time, "consign_time created trade_time pay_time modified to_deliver_time stock_check_time"),
    (Kind::List, "details_list"),
];

const STOCKOUT_LINE: &[Group] = &[
    (
        Kind::Text,
        "rec_id stockout_id spec_no brand_no brand_name goods_name goods_no spec_name spec_code suite_no goods_id \
         spec_id remark barcode unit_name sale_order_id src_oid src_tid src_order_detail_id base_unit_id unit_id \
         batch_id good_prop1 good_prop2 good_prop3 good_prop4 good_prop5 good_prop6 prop1 prop2 prop3 prop4 prop5 \
         prop6 batch_no batch_remark suite_id platform_id",
    ),
    (
        Kind::Number,
        "goods_count sell_price cost_price total_amount weight paid market_price discount share_amount tax_rate \
         share_post unit_ratio num num2 price share_price suite_num",
    ),
    (
        Kind::Whole,
        "goods_type gift_type refund_status from_mask src_order_type is_examined is_package is_zero_cost scan_type",
    ),
    (Kind::Time, "expire_date created modified"),
    (Kind::List, "position_list"),
];

const STOCKOUT_PLACE: &[Group] = &[
    (
        Kind::Text,
        "position_id position_no stockout_order_detail_id rec_id stockin_detail_id stock_spec_detail_id batch_id \
         batch_no",
    ),
    (Kind::Number, "num cost_price position_goods_count"),
    (Kind::Time, "modified expire_date"),
];

const BILL_HEAD: &[Group] = &[
    (
        Kind::Text,
        "kind billno buid third_party_no source_no business_id store_id store_code store_name store_external_id \
         warehouse_id warehouse_code warehouse_name warehouse_external_id remark",
    ),
    (Kind::Number, "quantity_total amount_total"),
    (Kind::Time, "business_date created_at submitted_at"),
    (Kind::List, "lines payments"),
];

const BILL_LINE: &[Group] = &[
    (
        Kind::Text,
        "line_id product_id product_code external_product_id product_name unit additional_unit remark standard",
    ),
    (Kind::Number, "price quantity amount additional_quantity"),
];

const BILL_PAYMENT: &[Group] = &[(Kind::Text, "code name"), (Kind::Number, "amount discount owed")];

const fn groups(document: Document, part: Part) -> &'static [Group] {
    match (document, part) {
        (Document::Stockout, Part::Head) => STOCKOUT_HEAD,
        (Document::Stockout, Part::Line) => STOCKOUT_LINE,
        (Document::Stockout, Part::Detail) => STOCKOUT_PLACE,
        (Document::Bill, Part::Head) => BILL_HEAD,
        (Document::Bill, Part::Line) => BILL_LINE,
        (Document::Bill, Part::Detail) => BILL_PAYMENT,
    }
}

/// Returns every field of a part that is not personal, with its type.
pub(crate) fn fields(document: Document, part: Part) -> impl Iterator<Item = (&'static str, Kind)> {
    groups(document, part)
        .iter()
        .flat_map(|&(kind, names)| names.split_ascii_whitespace().map(move |name| (name, kind)))
}

/// Finds a field of a part, personal ones included: those are texts.
pub(crate) fn find(document: Document, part: Part, name: &str) -> Option<(&'static str, Kind)> {
    let known = fields(document, part).find(|&(known, _)| known == name);
    let personal = || {
        let head_of_stockout = document == Document::Stockout && part == Part::Head;
        let known = PERSONAL_FIELDS.iter().find(|&&known| head_of_stockout && known == name);
        known.map(|&name| (name, Kind::Text))
    };
    known.or_else(personal)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_field_is_named_twice() {
        for document in [Document::Stockout, Document::Bill] {
            for part in Part::ALL {
                let mut seen = HashSet::new();
                for (name, _) in fields(document, part) {
                    assert!(seen.insert(name), "{name}");
                }
            }
        }
    }

    #[test]
    fn every_field_of_the_interface_is_known_by_its_own_name() {
        let list = include_str!("../../tests/wdt_fields.txt");
        for path in list.lines() {
            let (part, name) = match path.split('.').collect::<Vec<_>>()[..] {
                [name] => (Part::Head, name),
                [_, name] => (Part::Line, name),
                [.., name] => (Part::Detail, name),
                [] => continue,
            };
            assert!(find(Document::Stockout, part, name).is_some(), "{path}");
        }
    }
}
