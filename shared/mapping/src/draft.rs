//! Drafts of the voucher's lines: which lines of the document are booked, as which goods, in which count and batch.
//! Amounts are still WDT's four-decimal shares.

use std::collections::{BTreeMap, HashMap};

use dougong_bip::ProductType;
use dougong_values::{BeijingTime, Money, Quantity, SpecNo};
use dougong_wdt::{Line, Stockout};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::head::unknown;
use crate::mapping::Mapping;
use crate::problem::{Problem, Reason};
use crate::rules::{EqualLines, MissingBatch, PricedGift, RefundedLines, ZeroQuantity};
use crate::tables::{CountedIn, Goods};

/// Counts from here on cannot be multiplied with amounts exactly, and no warehouse ships them.
pub(crate) const MOST_COUNT: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Amounts from here on (10¹² yuan) cannot be multiplied with counts exactly.
pub(crate) const MOST_AMOUNT: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0);

/// Decimals of a share that is split over batches: finer than WDT's four, so that splitting shifts no cent.
const SPLIT_PLACES: u32 = 8;

/// A line of the voucher before its amounts are rounded.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    /// Where in the document it stands; nowhere for the postage.
    pub(crate) origin: Option<Origin>,
    pub(crate) spec_no: Option<&'a SpecNo>,
    pub(crate) goods: &'a Goods,
    pub(crate) product_type: ProductType,
    /// The count in main units.
    pub(crate) qty: Decimal,
    pub(crate) share: Money,
    pub(crate) share_post: Money,
    pub(crate) batch: Option<&'a str>,
    pub(crate) expires: Option<BeijingTime>,
    pub(crate) memo: Option<String>,
}

/// The place of a line in its document, under wire names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) index: usize,
    pub(crate) names: LineNames,
}

/// What a kind of document calls its lines, their counts and their amounts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineNames {
    pub(crate) list: &'static str,
    pub(crate) count: &'static str,
    pub(crate) amount: &'static str,
}

impl LineNames {
    pub(crate) const STOCKOUT: Self =
        Self { list: "details_list", count: "goods_count", amount: "share_amount" };

    /// Returns the path of a line's field.
    pub(crate) fn path(self, index: usize, field: &str) -> String {
        format!("{}[{index}].{field}", self.list)
    }
}

impl Draft<'_> {
    fn source(&self, field: impl Fn(LineNames) -> &'static str) -> String {
        self.origin.map_or_else(
            || "post_amount".to_owned(),
            |Origin { index, names }| names.path(index, field(names)),
        )
    }

    /// Returns the path of a field of the document's line this line comes from.
    pub(crate) fn path(&self, field: &str) -> String {
        self.origin
            .map_or_else(|| "post_amount".to_owned(), |Origin { index, names }| names.path(index, field))
    }

    /// Returns the path of the count in the document this line comes from.
    pub(crate) fn count_source(&self) -> String {
        self.source(|names| names.count)
    }

    /// Returns the path of the amount in the document this line comes from.
    pub(crate) fn amount_source(&self) -> String {
        self.source(|names| names.amount)
    }
}

fn path(index: usize, field: &str) -> String {
    LineNames::STOCKOUT.path(index, field)
}

/// A part of a line that comes from one batch.
struct BatchPart<'a> {
    count: Quantity,
    batch: Option<&'a str>,
    expires: Option<BeijingTime>,
}

impl Mapping {
    /// Drafts the lines in the order of their `rec_id`; notes every problem of every line.
    pub(crate) fn drafts<'a>(
        &'a self,
        stockout: &'a Stockout,
        problems: &mut Vec<Problem>,
    ) -> Vec<Draft<'a>> {
        let mut in_order: Vec<(usize, &Line)> = stockout.details.iter().enumerate().collect();
        in_order.sort_by_key(|(_, line)| (line.rec_id.len(), line.rec_id.as_str()));
        let mut drafts = Vec::with_capacity(in_order.len() + 1);
        for (index, line) in in_order {
            if self.is_booked(index, line, problems) {
                self.draft(index, line, &mut drafts, problems);
            }
        }
        match self.rules.lines.equal {
            EqualLines::Keep => drafts,
            EqualLines::Merge => merged(drafts),
        }
    }

    /// Tells whether a line belongs into the voucher; notes a problem if that is for a person to say.
    fn is_booked(&self, index: usize, line: &Line, problems: &mut Vec<Problem>) -> bool {
        let rules = &self.rules.lines;
        let mut note = |reason, rule: &str, field: &str, value: String, message: &str, hint: &str| {
            problems.push(Problem {
                reason,
                rule: rule.to_owned(),
                target: "orderDetails[]".to_owned(),
                source: path(index, field),
                value,
                message: message.to_owned(),
                hint: Some(hint.to_owned()),
            });
            false
        };
        if rules.refunded_status.contains(&line.refund_status) {
            match rules.refunded {
                RefundedLines::Keep => {}
                RefundedLines::Drop => return false,
                RefundedLines::Park => {
                    let hint = "book or skip it by hand, or set lines.refunded to keep or drop";
                    let value = line.refund_status.to_string();
                    let message = "the goods of the line were refunded";
                    return note(
                        Reason::RefundedLine,
                        "lines.refunded",
                        "refund_status",
                        value,
                        message,
                        hint,
                    );
                }
            }
        }
        let count = line.goods_count;
        let (bad, field, value) = (Reason::BadQuantity, "goods_count", count.to_string());
        if count.is_zero() {
            let free = line.share_amount.is_zero() && line.share_post.is_zero();
            return match rules.zero_quantity {
                _ if !free => {
                    let message = "the line ships nothing but has an amount";
                    note(bad, "amounts", field, value, message, "correct the stockout in WDT")
                }
                ZeroQuantity::Drop => false,
                ZeroQuantity::Park => {
                    let hint = "set lines.zero_quantity to drop to leave such lines out";
                    note(bad, "lines.zero_quantity", field, value, "the line ships nothing", hint)
                }
            };
        }
        if count < Quantity::ZERO || count.decimal() >= MOST_COUNT {
            let message = "a count must be above 0 and below a thousand million";
            return note(bad, "amounts", field, value, message, "returns are documents of their own");
        }
        let share = line.share_amount;
        if share < Money::ZERO
            || share.decimal() >= MOST_AMOUNT
            || line.share_post.abs().decimal() >= MOST_AMOUNT
        {
            let message = "an amount must not be negative, nor beyond what can be computed exactly";
            let hint = "correct the stockout in WDT; returns are documents of their own";
            return note(Reason::BadAmount, "amounts", "share_amount", share.to_string(), message, hint);
        }
        true
    }

    /// Drafts one line, or one for each of its batches.
    fn draft<'a>(
        &'a self,
        index: usize,
        line: &'a Line,
        drafts: &mut Vec<Draft<'a>>,
        problems: &mut Vec<Problem>,
    ) {
        let Some(goods) = self.tables.goods.get(&line.spec_no) else {
            let keys = self.tables.goods.keys().map(SpecNo::as_str);
            let (target, source) = ("orderDetails[].productId", path(index, "spec_no"));
            problems.push(unknown(
                Reason::UnknownGoods,
                "goods.csv",
                target,
                source,
                line.spec_no.as_str(),
                keys,
            ));
            return;
        };
        let product_type = self.product_type(index, line, problems);
        let parts = self.batch_parts(index, line, goods, problems);
        let per_count = match (goods.counted_in, goods.sales_unit) {
            (CountedIn::Sales, Some(sales)) => sales.rate.decimal(),
            _ => Decimal::ONE,
        };
        let total = line.goods_count.decimal();
        let (mut share_left, mut post_left) = (line.share_amount, line.share_post);
        let last = parts.len().saturating_sub(1);
        for (place, part) in parts.into_iter().enumerate() {
            let count = part.count.decimal();
            let (share, share_post) = if place == last {
                (share_left, post_left)
            } else {
                let cut = |whole: Money| Money::new(fraction(whole.decimal(), count, total));
                (cut(line.share_amount), cut(line.share_post))
            };
            share_left = share_left - share;
            post_left = post_left - share_post;
            drafts.push(Draft {
                origin: Some(Origin { index, names: LineNames::STOCKOUT }),
                spec_no: Some(&line.spec_no),
                goods,
                product_type,
                qty: count * per_count,
                share,
                share_post,
                batch: part.batch,
                expires: part.expires,
                memo: self.rules.lines.memo.as_ref().and_then(|memo| memo.render(line)),
            });
        }
    }

    /// Tells a gift from sold goods.
    fn product_type(&self, index: usize, line: &Line, problems: &mut Vec<Problem>) -> ProductType {
        let rules = &self.rules.gifts;
        if rules.not_gifts.contains(&line.gift_type) {
            return ProductType::Sale;
        }
        if line.share_amount.is_zero() {
            return ProductType::Gift;
        }
        match rules.priced {
            PricedGift::Sale => ProductType::Sale,
            PricedGift::Keep => ProductType::Gift,
            PricedGift::Park => {
                problems.push(Problem {
                    reason: Reason::PricedGift,
                    rule: "gifts.priced".to_owned(),
                    target: "orderDetails[].orderProductType".to_owned(),
                    source: path(index, "share_amount"),
                    value: line.share_amount.to_string(),
                    message: format!("the gift `{}` has a price", line.spec_no),
                    hint: Some("set gifts.priced to sale or keep to book such gifts".to_owned()),
                });
                ProductType::Gift
            }
        }
    }

    /// Cuts a line into its batches. Goods that are not batch-managed are one part without a batch; nothing comes of
    /// a line whose batches do not add up.
    fn batch_parts<'a>(
        &self,
        index: usize,
        line: &'a Line,
        goods: &Goods,
        problems: &mut Vec<Problem>,
    ) -> Vec<BatchPart<'a>> {
        let mut parts = Vec::new();
        if goods.batch_managed {
            let Some(named) = batches(index, line, problems) else { return parts };
            parts = named;
        }
        if parts.is_empty() {
            let batch = line.batch_no.as_deref().filter(|_| goods.batch_managed);
            parts.push(BatchPart { count: line.goods_count, batch, expires: line.expire_date });
        }
        let park = self.rules.lines.missing_batch == MissingBatch::Park;
        let mut note = |reason, target: &str, field: &str, message: String, hint: &str| {
            problems.push(Problem {
                reason,
                rule: "lines.missing_batch".to_owned(),
                target: target.to_owned(),
                source: path(index, field),
                value: String::new(),
                message,
                hint: Some(hint.to_owned()),
            });
        };
        if park && goods.batch_managed && parts.iter().any(|part| part.batch.is_none()) {
            let message = format!("`{}` is batch-managed but came without a batch", line.spec_no);
            let hint = "name the batch in WDT, or set lines.missing_batch to omit";
            note(Reason::BatchMissing, "orderDetails[].batchNo", "batch_no", message, hint);
        }
        if park && goods.expiry_managed && parts.iter().any(|part| part.expires.is_none()) {
            let message = format!("`{}` is expiry-managed but came without an expiry date", line.spec_no);
            let hint = "name the expiry in WDT, or set lines.missing_batch to omit";
            note(Reason::ExpiryMissing, "orderDetails[].invalidDate", "expire_date", message, hint);
        }
        if !goods.expiry_managed {
            for part in &mut parts {
                part.expires = None;
            }
        }
        parts
    }
}

/// Groups the places a line was taken from by batch: empty if they name none, `None` (and a problem) if their
/// counts are not the line's. A place that sends no expiry of its own has the line's: there is no other.
fn batches<'a>(index: usize, line: &'a Line, problems: &mut Vec<Problem>) -> Option<Vec<BatchPart<'a>>> {
    let named = line.positions.iter().filter(|position| position.batch_no.is_some()).count();
    if named == 0 {
        return Some(Vec::new());
    }
    let mut by_batch: BTreeMap<Option<&str>, BatchPart<'_>> = BTreeMap::new();
    for position in &line.positions {
        let batch = position.batch_no.as_deref().or(line.batch_no.as_deref());
        let expires = position.expire_date.or(line.expire_date);
        let part = by_batch.entry(batch).or_insert(BatchPart { count: Quantity::ZERO, batch, expires });
        part.count += position.quantity().unwrap_or_default();
        part.expires = part.expires.or(expires);
    }
    let sum: Quantity = by_batch.values().map(|part| part.count).sum();
    if !sum.is_zero() {
        // A place that nothing was taken from says nothing about the batches.
        by_batch.retain(|_, part| !part.count.is_zero());
    }
    let mut parts: Vec<BatchPart<'_>> = by_batch.into_values().collect();
    if let [only] = parts.as_mut_slice()
        && (sum.is_zero() || sum == line.goods_count)
    {
        only.count = line.goods_count;
    } else if sum != line.goods_count || parts.iter().any(|part| part.count < Quantity::ZERO) {
        problems.push(Problem {
            reason: Reason::BatchMismatch,
            rule: "batches".to_owned(),
            target: "orderDetails[].batchNo".to_owned(),
            source: path(index, "position_list"),
            value: sum.to_string(),
            message: format!(
                "the batches of `{}` add up to {sum}, the line ships {}",
                line.spec_no, line.goods_count
            ),
            hint: Some("correct the stockout's places or its count in WDT".to_owned()),
        });
        return None;
    }
    Some(parts)
}

/// Returns the part of an amount that falls on `count` of `total`.
fn fraction(whole: Decimal, count: Decimal, total: Decimal) -> Decimal {
    (whole * count / total).round_dp_with_strategy(SPLIT_PLACES, RoundingStrategy::MidpointAwayFromZero)
}

/// What makes two lines equal: goods, gift, batch, expiry, and the price to WDT's four decimals.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'a> {
    spec_no: Option<&'a SpecNo>,
    gift: bool,
    batch: Option<&'a str>,
    expires: Option<BeijingTime>,
    price: Decimal,
}

/// Merges equal lines into the first of them.
fn merged(drafts: Vec<Draft<'_>>) -> Vec<Draft<'_>> {
    let mut places: HashMap<Likeness<'_>, usize> = HashMap::with_capacity(drafts.len());
    let mut kept: Vec<Draft<'_>> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let price = draft.share.decimal() / draft.qty;
        let likeness = Likeness {
            spec_no: draft.spec_no,
            gift: draft.product_type == ProductType::Gift,
            batch: draft.batch,
            expires: draft.expires,
            price: price.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize(),
        };
        if let Some(&place) = places.get(&likeness) {
            let first: &mut Draft<'_> = &mut kept[place];
            first.qty += draft.qty;
            first.share += draft.share;
            first.share_post += draft.share_post;
        } else {
            places.insert(likeness, kept.len());
            kept.push(draft);
        }
    }
    kept
}
