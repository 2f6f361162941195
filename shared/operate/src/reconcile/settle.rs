//! What differs in words, and what settles it.

use dougong_values::BusinessDay;

use super::{Difference, DifferenceKind, Reconciliation, SourceSide};
use crate::documents::Place;
use crate::reasons::{Texts, exclusion, reason};

/// What settles a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettledBy {
    /// A command of `dougong`, without what names the system.
    Command(String),
    /// What a person looks at, and does.
    Words(Texts),
}

impl SourceSide {
    /// Returns its name in words.
    pub const fn words(self) -> Texts {
        match self {
            Self::Wdt => Texts { en: "WDT", zh: "旺店通" },
            Self::Store => Texts { en: "the store system", zh: "门店系统" },
            Self::Ledger => Texts { en: "the ledger", zh: "台账" },
        }
    }
}

impl DifferenceKind {
    /// Returns what differs in words.
    pub const fn words(self) -> Texts {
        match self {
            Self::NotReadYet => Texts { en: "the day is not read to its end yet", zh: "当日尚未读完" },
            Self::NotInLedger => Texts { en: "never read", zh: "未曾读到" },
            Self::NotBooked => Texts { en: "not booked", zh: "未入账" },
            Self::NotInBip => Texts { en: "not in BIP any more", zh: "BIP 中已没有" },
            Self::Changed => Texts {
                en: "changed in the source since it was booked",
                zh: "入账后来源单据有变更",
            },
            Self::OtherAmount => Texts { en: "another amount in BIP", zh: "BIP 金额不同" },
            Self::UnknownVoucher => {
                Texts { en: "in BIP, and not booked from here", zh: "BIP 中有，但不是由此入账" }
            }
            Self::LeftOut => Texts { en: "left out by the scheme now", zh: "现按方案规则不入账" },
            Self::NotInSource => Texts { en: "not in the source any more", zh: "来源系统中已没有" },
        }
    }
}

impl Difference {
    /// Returns its reason in words, where it has one that this version knows.
    pub fn reason_words(&self) -> Option<Texts> {
        let name = self.reason.as_deref()?;
        reason(name).map(|known| known.meaning).or_else(|| exclusion(name))
    }
}

impl Reconciliation {
    /// Returns what settles one of its differences.
    pub fn settled_by(&self, difference: &Difference) -> SettledBy {
        let key = difference.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = |en, zh| SettledBy::Words(Texts { en, zh });
        let is_booked = matches!(difference.place, Some(Place::Posted | Place::Held));
        match difference.kind {
            DifferenceKind::NotReadYet if self.source == SourceSide::Wdt => {
                SettledBy::Command(format!("watermark show --scheme {}", self.scheme))
            }
            DifferenceKind::NotReadYet => SettledBy::Command(self.pull_of(self.day)),
            DifferenceKind::Changed if difference.place == Some(Place::Held) => {
                SettledBy::Command(format!("orders explain '{key}'"))
            }
            DifferenceKind::NotInLedger | DifferenceKind::Changed => {
                SettledBy::Command(self.pull(difference))
            }
            DifferenceKind::UnknownVoucher => {
                SettledBy::Command(format!("orders skip '{key}' --looked-up --reason '…'"))
            }
            DifferenceKind::NotInBip => words("ask who deleted it in BIP", "在 BIP 查明被谁删除"),
            DifferenceKind::OtherAmount => {
                words("compare the voucher in BIP with the document", "核对 BIP 单据与来源单据")
            }
            DifferenceKind::LeftOut if is_booked => words(
                "refunded, or left out by another rule, since it was booked: correct the voucher in BIP if it should not stand",
                "入账后已退款或规则已变：如不应保留，请在 BIP 更正该单据",
            ),
            DifferenceKind::NotInSource if is_booked => words(
                "look it up at its source: if it was cancelled or voided, delete the voucher in BIP",
                "到来源系统核对：若已撤销或作废，请在 BIP 删除该单据",
            ),
            DifferenceKind::LeftOut | DifferenceKind::NotInSource
                if difference.place == Some(Place::Parked) =>
            {
                SettledBy::Command(format!("orders skip '{key}' --reason '…'"))
            }
            DifferenceKind::NotBooked | DifferenceKind::LeftOut | DifferenceKind::NotInSource => {
                SettledBy::Command(format!("orders explain '{key}'"))
            }
        }
    }

    /// Reads a document again: a stockout by the second it was changed, a bill by the day it was submitted.
    fn pull(&self, difference: &Difference) -> String {
        match (self.source, difference.modified) {
            (SourceSide::Wdt, Some(at)) => format!("pull --scheme {} --from '{at}' --to '{at}'", self.scheme),
            (_, at) => self.pull_of(at.map_or(self.day, dougong_values::BeijingTime::day)),
        }
    }

    fn pull_of(&self, day: BusinessDay) -> String {
        format!("pull --scheme {} --from {day} --to {day}", self.scheme)
    }
}
