//! The postage that the buyer paid (邮费), and the comparison with what WDT says is receivable (应收).

use dougong_bip::ProductType;
use dougong_values::Money;
use dougong_wdt::Stockout;
use rust_decimal::Decimal;

use crate::draft::Draft;
use crate::mapping::Mapping;
use crate::problem::{Problem, Reason};
use crate::rules::Postage;

impl Mapping {
    /// Compares Σ shares + postage with the receivable, before anything is rounded (`protocols/wdt.md` §6).
    ///
    /// All lines of the document count, those that the rules leave out included: WDT's sum knows no rules.
    pub(crate) fn check_receivable(&self, stockout: &Stockout, problems: &mut Vec<Problem>) {
        let Some(receivable) = stockout.receivable else { return };
        let shares = stockout.share_total();
        let sum = shares + stockout.post_amount;
        if (sum - receivable).abs() > self.rules.postage.tolerance {
            problems.push(Problem {
                reason: Reason::PostageMismatch,
                rule: "postage.tolerance".to_owned(),
                target: "payMoney".to_owned(),
                source: "receivable".to_owned(),
                value: receivable.to_string(),
                message: format!(
                    "the lines' share_amount {shares} and post_amount {} add up to {sum}, but receivable is {receivable}",
                    stockout.post_amount
                ),
                hint: Some("look at the order in WDT: a line or the postage was changed after it was shared out".to_owned()),
            });
        }
    }

    /// Puts the postage where the policy wants it.
    pub(crate) fn place_postage<'a>(
        &'a self,
        stockout: &Stockout,
        drafts: &mut Vec<Draft<'a>>,
        problems: &mut Vec<Problem>,
    ) {
        let postage = stockout.post_amount;
        let mut note = |reason, message: &str, hint: &str| {
            problems.push(Problem {
                reason,
                rule: "postage.policy".to_owned(),
                target: "orderDetails[].oriSum".to_owned(),
                source: "post_amount".to_owned(),
                value: postage.to_string(),
                message: message.to_owned(),
                hint: Some(hint.to_owned()),
            });
        };
        match &self.rules.postage.policy {
            Postage::Drop => {}
            Postage::Line { .. } if postage.is_zero() => {}
            Postage::Line { .. } if postage < Money::ZERO => {
                note(Reason::BadAmount, "the postage is negative", "correct the order in WDT");
            }
            Postage::Line { goods } => {
                // That the goods have a row was made sure when the mapping was loaded.
                let Some(goods) = self.tables.goods.get(goods) else { return };
                drafts.push(Draft {
                    origin: None,
                    spec_no: None,
                    goods,
                    product_type: ProductType::Sale,
                    qty: Decimal::ONE,
                    share: postage,
                    share_post: Money::ZERO,
                    batch: None,
                    expires: None,
                    memo: None,
                });
            }
            Postage::Spread => {
                if !spread(postage, drafts) {
                    let message = "the postage cannot be spread: no sold line is large enough to carry it";
                    note(Reason::PostageNowhere, message, "set postage.policy to line or drop");
                }
            }
        }
    }
}

/// Adds each line's `share_post` to its share, and what is missing to the whole postage to the largest line.
/// Gifts carry none. Returns whether the lines could carry it.
fn spread(postage: Money, drafts: &mut [Draft<'_>]) -> bool {
    let mut left = postage;
    for draft in drafts.iter_mut().filter(|draft| draft.product_type == ProductType::Sale) {
        draft.share += draft.share_post;
        left = left - draft.share_post;
    }
    // Of equal lines the first carries it: `max_by_key` alone would choose the last.
    let sold = drafts.iter_mut().rev().filter(|draft| draft.product_type == ProductType::Sale);
    if let Some(largest) = sold.max_by_key(|draft| draft.share) {
        largest.share += left;
        left = Money::ZERO;
    }
    left.is_zero() && drafts.iter().all(|draft| draft.share >= Money::ZERO)
}
