//! `[schemes.<id>.mapping]`: the rules of the mapping, one function per table.

use dougong_mapping::bill_rules::{BillHeadRules, BillLineRules};
use dougong_mapping::merge::{CloseTime, GroupField, MergeRules};
use dougong_mapping::rules::{
    AnnounceRules, Choice, FilterRules, GiftRules, HeadConstants, HeadRules, LineConstants, LineRules,
    Postage, PostageRules,
};
use dougong_mapping::{BillRules, FormulaText, FormulaTexts, Rules, head_targets, line_targets};
use dougong_store::BillKind;
use dougong_values::{Money, Quantity, SpecNo};
use rust_decimal::Decimal;

use crate::section::{Section, Written};

/// Exchange rates beyond this are a slip of the finger, and too large to compute with exactly.
const MOST_RATE: u32 = 1_000_000;

const NUMBERS: &str = "write the numbers that WDT uses, such as [1, 2]";
const MERGE_BY: &str = "write what the orders of a voucher have in common: [\"shop\", \"warehouse\", \"day\"], or other fields of WDT by their names";
const CODES: &str = "write codes in quotes, such as [\"TM001\", \"JD001\"]";

/// The policies of the postage by name; `line` needs its goods beside it.
#[derive(Clone, Copy)]
enum Policy {
    Line,
    Spread,
    Drop,
}

impl Choice for Policy {
    const NAMES: &'static [(&'static str, Self)] =
        &[("line", Self::Line), ("spread", Self::Spread), ("drop", Self::Drop)];
}

/// Reads the rules; a key that is absent keeps its default. The section is left open for problems of its keys.
/// The formulas stand beside them: they are checked although a rule is missing.
pub(crate) fn rules(section: &Section<'_>) -> (Option<Rules>, FormulaTexts) {
    let filter = filter(section.section("filter"));
    let head = head(section.section("head"));
    let lines = lines(section.section("lines"));
    let gifts = gifts(section.section("gifts"));
    let postage = postage(section.section("postage"));
    let announce = announce(section.section("announce"));
    let merge_section = section.section("merge");
    let merge = merge_section.is_there().then(|| merge(merge_section));
    let formulas = formulas(section);
    let rules = postage.map(|postage| Rules {
        filter,
        head,
        lines,
        gifts,
        postage,
        announce,
        merge,
        formulas: FormulaTexts::default(),
    });
    (rules, formulas)
}

/// Reads how orders are merged. What they have in common must be chosen, and a voucher has one date.
fn merge(section: Section<'_>) -> MergeRules {
    let default = MergeRules::default();
    let by: Option<Vec<GroupField>> = section.list("by", MERGE_BY);
    match &by {
        None => section.missing("by", MERGE_BY),
        Some(by) if !by.contains(&GroupField::Day) => {
            let hint = "add \"day\": the orders of a voucher share its date".to_owned();
            section.note("by", "`by` does not name the day".to_owned(), Some(hint));
        }
        Some(by) => {
            let twice = by.iter().enumerate().find(|(index, field)| by[..*index].contains(field));
            if let Some((_, field)) = twice {
                section.note("by", format!("`by` names {} twice", field.wire_name()), None);
            }
        }
    }
    let close_at: Option<Vec<CloseTime>> = section
        .list("close_at", "write times of day, such as [\"02:00\"] or [\"12:00\", \"18:00\", \"23:30\"]");
    if close_at.as_ref().is_some_and(Vec::is_empty) {
        let hint = "write a time of day, such as [\"02:00\"]".to_owned();
        section.note("close_at", "`close_at` is empty: no order would ever be booked".to_owned(), Some(hint));
    }
    let rules = MergeRules {
        by: by.unwrap_or_default(),
        max_lines: section.whole("max_lines", 1..=1_000).map_or(default.max_lines, |most| most as usize),
        price: section.choice("price").unwrap_or(default.price),
        close_at: close_at.unwrap_or(default.close_at),
        memo: section.template("memo"),
    };
    section.finish();
    rules
}

/// Reads formulas and scripts as they are written.
fn formulas(section: &Section<'_>) -> FormulaTexts {
    let (formulas, scripts) = (section.section("formulas"), section.section("scripts"));
    let all = |key, targets| {
        let texts = formulas.all_written(key, targets);
        texts.iter().map(|written| formula(written, written.name)).collect()
    };
    let script = |key| scripts.written(key).map(|written| formula(&written, ""));
    let texts = FormulaTexts {
        file: section.file().to_owned(),
        head: all("head", head_targets()),
        lines: all("lines", line_targets()),
        head_script: script("head"),
        lines_script: script("lines"),
    };
    formulas.finish();
    scripts.finish();
    texts
}

fn formula(written: &Written<'_>, target: &str) -> FormulaText {
    let (line, column) = written.place();
    FormulaText {
        target: target.to_owned(),
        key: written.key.clone(),
        text: written.text.to_owned(),
        value: written.value.clone(),
        start: written.start(),
        line,
        column,
    }
}

fn announce(section: Section<'_>) -> AnnounceRules {
    let default = AnnounceRules::default();
    let rules = AnnounceRules {
        request: section.choice("request").unwrap_or(default.request),
        transfer_prefix: text(&section, "transfer_prefix"),
        creator: text(&section, "creator").unwrap_or(default.creator),
    };
    section.finish();
    rules
}

fn filter(section: Section<'_>) -> FilterRules {
    let rules = FilterRules {
        status: section.list("status", NUMBERS).unwrap_or_default(),
        trade_type: section.list("trade_type", NUMBERS).unwrap_or_default(),
        not_refund_status: section.list("not_refund_status", NUMBERS).unwrap_or_default(),
        shops: section.list("shops", CODES).unwrap_or_default(),
        not_shops: section.list("not_shops", CODES).unwrap_or_default(),
        warehouses: section.list("warehouses", CODES).unwrap_or_default(),
        not_warehouses: section.list("not_warehouses", CODES).unwrap_or_default(),
    };
    section.finish();
    rules
}

fn head(section: Section<'_>) -> HeadRules {
    let default = HeadRules::default();
    let rules = HeadRules {
        code: section.choice("code").unwrap_or(default.code),
        code_prefix: text(&section, "code_prefix").unwrap_or(default.code_prefix),
        voucher_date: section.choice("voucher_date").unwrap_or(default.voucher_date),
        constants: head_constants(&section),
        memo: section.template("memo"),
    };
    section.finish();
    rules
}

pub(crate) fn text(section: &Section<'_>, key: &'static str) -> Option<String> {
    section.text(key).ok().flatten().map(|text| text.value)
}

/// Reads the head's constants, which a scheme of any source may set.
pub(crate) fn head_constants(section: &Section<'_>) -> HeadConstants {
    let default = HeadConstants::default();
    let text = |key| text(section, key);
    let small = |key, default: Option<u8>| {
        section.whole(key, 0..=255).map_or(default, |number| u8::try_from(number).ok())
    };
    HeadConstants {
        customer: text("customer"),
        invoice_customer: text("invoice_customer"),
        sales_org: text("sales_org"),
        settlement_org: text("settlement_org"),
        transaction_type: text("transaction_type"),
        currency: text("currency").unwrap_or(default.currency),
        nat_currency: text("nat_currency").unwrap_or(default.nat_currency),
        exchange_rate: section
            .decimal("exchange_rate", "write the rate to the local currency, such as 7.1234", |rate| {
                rate > Decimal::ZERO && rate <= Decimal::from(MOST_RATE)
            })
            .map(Quantity::new),
        exchange_rate_type: text("exchange_rate_type").unwrap_or(default.exchange_rate_type),
        tax_inclusive: section.flag("tax_inclusive").unwrap_or(default.tax_inclusive),
        source: small("source", default.source),
        invoice_type: small("invoice_type", default.invoice_type),
        bd_invoice_type: text("bd_invoice_type"),
        biz_flow: text("biz_flow"),
        biz_flow_version: text("biz_flow_version"),
        flow_core_bill: section.flag("flow_core_bill"),
        department: text("department"),
        salesman: text("salesman"),
        shipping: text("shipping"),
    }
}

fn lines(section: Section<'_>) -> LineRules {
    let default = LineRules::default();
    let rules = LineRules {
        equal: section.choice("equal").unwrap_or(default.equal),
        zero_quantity: section.choice("zero_quantity").unwrap_or(default.zero_quantity),
        refunded: section.choice("refunded").unwrap_or(default.refunded),
        refunded_status: section.list("refunded_status", NUMBERS).unwrap_or(default.refunded_status),
        constants: LineConstants {
            batch_fields: section.choice("batch_fields").unwrap_or_default(),
            ..line_constants(&section)
        },
        missing_batch: section.choice("missing_batch").unwrap_or(default.missing_batch),
        memo: section.template("memo"),
    };
    section.finish();
    rules
}

/// Reads the lines' constants, which a scheme of any source may set.
pub(crate) fn line_constants(section: &Section<'_>) -> LineConstants {
    let default = LineConstants::default();
    LineConstants {
        broken_units: section.choice("broken_units").unwrap_or(default.broken_units),
        tax: text(section, "tax"),
        unit: text(section, "unit"),
        stock_org: text(section, "stock_org"),
        stock: text(section, "stock"),
        floating_sales_unit: section.flag("floating_sales_unit").unwrap_or(default.floating_sales_unit),
        floating_price_unit: section.flag("floating_price_unit").unwrap_or(default.floating_price_unit),
        batch_fields: default.batch_fields,
        send_status: section.flag("send_status").unwrap_or(default.send_status),
    }
}

/// Reads the rules of a scheme for store bills. The section is left open for problems of its keys.
pub(crate) fn bill_rules(kind: BillKind, section: &Section<'_>) -> BillRules {
    let default = BillRules::of(kind);
    BillRules {
        kind,
        target: section.choice("target").unwrap_or(default.target),
        totals: section.choice("totals").unwrap_or(default.totals),
        negative: section.choice("negative").unwrap_or(default.negative),
        payments: section.choice("payments").unwrap_or(default.payments),
        head: bill_head(section.section("head"), &default.head),
        lines: bill_lines(section.section("lines"), &default.lines),
        formulas: formulas(section),
    }
}

fn bill_head(section: Section<'_>, default: &BillHeadRules) -> BillHeadRules {
    let rules = BillHeadRules {
        code: section.choice("code").unwrap_or(default.code),
        code_prefix: text(&section, "code_prefix").unwrap_or_default(),
        voucher_date: section.choice("voucher_date").unwrap_or_default(),
        constants: head_constants(&section),
        memo: section.template("memo"),
    };
    section.finish();
    rules
}

fn bill_lines(section: Section<'_>, default: &BillLineRules) -> BillLineRules {
    let rules = BillLineRules {
        stock_of: section.choice("stock_of").unwrap_or(default.stock_of),
        free: section.choice("free").unwrap_or(default.free),
        unknown_unit: section.choice("unknown_unit").unwrap_or(default.unknown_unit),
        constants: line_constants(&section),
        memo: section.template("memo"),
    };
    section.finish();
    rules
}

fn gifts(section: Section<'_>) -> GiftRules {
    let default = GiftRules::default();
    let rules = GiftRules {
        not_gifts: section.list("not_gifts", NUMBERS).unwrap_or(default.not_gifts),
        priced: section.choice("priced").unwrap_or(default.priced),
    };
    section.finish();
    rules
}

/// Reads the postage rules. The policy must be chosen: each books another amount.
fn postage(section: Section<'_>) -> Option<PostageRules> {
    let default = PostageRules::default();
    let named =
        section.required("policy", "choose line (a goods line of its own), spread (over the lines) or drop");
    let policy = named.and_then(|_| section.choice::<Policy>("policy"));
    let goods = match policy {
        Some(Policy::Line) => section
            .required_parsed::<SpecNo>("goods", "the goods of the postage line, a row of tables/goods.csv"),
        // The goods may stay in the file when the policy is changed.
        _ => section.parsed("goods").ok().flatten(),
    };
    let tolerance = section.decimal("tolerance", "write an amount from 0 to 1, such as 0.01", |amount| {
        (Decimal::ZERO..=Decimal::ONE).contains(&amount)
    });
    section.finish();
    let policy = match policy? {
        Policy::Line => Postage::Line { goods: goods? },
        Policy::Spread => Postage::Spread,
        Policy::Drop => Postage::Drop,
    };
    Some(PostageRules { policy, tolerance: tolerance.map_or(default.tolerance, Money::new) })
}
