//! What was to be booked of a day: asked for in WDT or the store system, mapped as it would be booked today.

use std::collections::{BTreeMap, HashMap, HashSet};

use dougong_bip::{Voucher, VoucherKind};
use dougong_config::{BillScheme, Scheme};
use dougong_ledger::{DayRow, Known};
use dougong_mapping::Identity;
use dougong_store::{Bill, BillKind, Days, Download, DownloadQuery, UnreadableRow};
use dougong_values::{
    Account, BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, Version, VoucherCode, Window,
};
use dougong_wdt::{Client, Filter, Query, Row as WdtRow, Stockout};

use super::{Asked, Reconciler, SLOT_WAIT, SourceSide, Sum, answered};
use crate::{OperateError, System};

/// Days before a business day whose downloads may hold bills of it: some are submitted early.
const DAYS_BEFORE: i64 = 7;
/// Days after it: some are submitted late.
const DAYS_AFTER: i64 = 30;

/// A document that the source reports.
#[derive(Debug, Clone)]
pub(super) struct Reported {
    pub(super) key: DocumentKey,
    pub(super) shop: String,
    /// What it is booked with today; else what the source says it is worth.
    pub(super) expected: Money,
    /// The kind and the code of its voucher, where it can be mapped.
    pub(super) code: Option<(VoucherKind, VoucherCode)>,
    /// The date of its voucher, where it can be mapped.
    pub(super) voucher_day: Option<BusinessDay>,
    pub(super) version: Version,
    pub(super) modified: Option<BeijingTime>,
    /// The business day it names.
    pub(super) day: Option<BusinessDay>,
}

/// What a source reports.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) side: SourceSide,
    /// Also what is of other days, or of none.
    pub(super) documents: Vec<Reported>,
    pub(super) left_out: LeftOut,
}

/// What the scheme leaves out of what its source reports, and why.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    pub(super) reasons: HashMap<DocumentKey, &'static str>,
    /// What of it is of the day.
    pub(super) of_day: Sum,
}

impl LeftOut {
    fn add(&mut self, key: DocumentKey, reason: &'static str, amount_of_day: Option<Money>) {
        // Rows repeat where pages and spans overlap.
        let is_new = self.reasons.insert(key, reason).is_none();
        if let Some(amount) = amount_of_day.filter(|_| is_new) {
            self.of_day.add(Some(amount));
        }
    }
}

/// Keeps what is of the day: by its own day, or because the ledger lists it there. What names no day and is unknown to the
/// ledger is of every day, so that it is told.
pub(super) fn of_day(
    documents: Vec<Reported>,
    day: BusinessDay,
    ledger: &[DayRow],
    known: &HashMap<DocumentKey, Known>,
) -> Vec<Reported> {
    let listed: HashSet<&DocumentKey> = ledger.iter().map(|row| &row.key).collect();
    let is_of_day = |document: &Reported| {
        document.day == Some(day)
            || listed.contains(&document.key)
            || (document.day.is_none() && !known.contains_key(&document.key))
    };
    documents.into_iter().filter(is_of_day).collect()
}

impl Reconciler<'_> {
    /// Asks the scheme's source for what was to be booked of a day.
    pub(super) async fn reported(
        &mut self,
        scheme: &SchemeId,
        day: BusinessDay,
    ) -> Result<Report, OperateError> {
        let config = std::sync::Arc::clone(&self.parts.config);
        if let Some(own) = config.schemes.get(scheme) {
            return self.shipped(own, scheme, day).await;
        }
        let Some(own) = config.bill_schemes.get(scheme) else {
            return self.operator.scheme(Some(scheme)).map(|_| Report::of_the_ledger());
        };
        let what = match own.source.kind {
            BillKind::Declare => Download::Declared,
            BillKind::Receipt => Download::Received,
            BillKind::Return => Download::Returned,
            // Handed out once, and marked by asking: never to be asked for here.
            BillKind::Outbound | BillKind::Sale => return Ok(Report::of_the_ledger()),
        };
        self.downloaded(own, scheme, what, day).await
    }

    /// Reads every stockout of a day, by the time of shipping.
    async fn shipped(
        &mut self,
        own: &Scheme,
        scheme: &SchemeId,
        day: BusinessDay,
    ) -> Result<Report, OperateError> {
        let client = self.parts.wdt_client().map_err(|error| OperateError::start(&error))?;
        let window = Window::new(day.start(), day.plus_days(1).start().plus_seconds(-1));
        let window = window.map_err(|error| OperateError::Start { problem: error.to_string() })?;
        let page_size = self.parts.config.wdt.page_size;
        let filter = Filter { status: own.source.status, ..Filter::within(window) };
        let query = |page_no| Query { filter: filter.clone(), page_no, page_size };
        let first = self.page(&client, &query(0)).await?;
        let pages = page_size.pages(first.total.unwrap_or_default()).max(1);
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        let (mut documents, mut left_out) = (BTreeMap::new(), LeftOut::default());
        // From the last page to the first: rows that move repeat instead of getting lost.
        for (read, page_no) in (0..pages).rev().enumerate() {
            for row in self.page(&client, &query(page_no)).await?.rows {
                match row {
                    WdtRow::Stockout(stockout) => {
                        let reported = self.stockout(own, scheme, &stockout);
                        if let Some(exclusion) = own.mapping.excluded(&stockout) {
                            left_out.add(reported.key, exclusion.reason, Some(worth(&stockout)));
                        } else {
                            documents
                                .insert(reported.key.to_string(), Reported { day: Some(day), ..reported });
                        }
                    }
                    WdtRow::Unreadable(row) => {
                        let (sid, version) = (self.parts.config.wdt.sid(), Version::of(&row.json));
                        let key = match &row.stockout_id {
                            Some(id) => DocumentKey::stockout(sid, id),
                            None => DocumentKey::unreadable_stockout(sid, &version),
                        };
                        let reported = Reported::unreadable(key, version, row.modified, Some(day));
                        documents.insert(reported.key.to_string(), reported);
                    }
                }
            }
            let all = usize::try_from(pages).unwrap_or(usize::MAX);
            (self.heard)(Asked { system: System::Wdt, done: read + 1, all });
        }
        Ok(Report { side: SourceSide::Wdt, documents: documents.into_values().collect(), left_out })
    }

    async fn page(&self, client: &Client, query: &Query) -> Result<dougong_wdt::Page, OperateError> {
        let pace = self.parts.config.wdt.calls_per_minute;
        answered(async || {
            self.operator.wait_for_slot(&self.parts.secrets.wdt.app_key, pace, SLOT_WAIT).await?;
            client.query(query).await.map_err(|error| OperateError::Wdt(Box::new(error)))
        })
        .await
    }

    fn stockout(&self, own: &Scheme, scheme: &SchemeId, stockout: &Stockout) -> Reported {
        let config = &self.parts.config;
        let key = DocumentKey::stockout(config.wdt.sid(), &stockout.stockout_id);
        let identity = Identity { tenant: &config.tenant, scheme, key: &key };
        let order = own.mapping.map(stockout, &identity).ok();
        let code = order.as_ref().and_then(|order| order.code.clone());
        Reported {
            shop: stockout.shop_no.as_ref().map(ToString::to_string).unwrap_or_default(),
            expected: order.as_ref().map_or_else(|| worth(stockout), |order| order.pay_money),
            code: code.map(|code| (VoucherKind::Order, code)),
            voucher_day: order.map(|order| order.vouchdate.day()),
            version: stockout.version(),
            modified: stockout.modified,
            day: None,
            key,
        }
    }

    /// Downloads the bills around a day: these commands only read, and ask by the day on which bills were submitted.
    async fn downloaded(
        &mut self,
        own: &BillScheme,
        scheme: &SchemeId,
        what: Download,
        day: BusinessDay,
    ) -> Result<Report, OperateError> {
        let client = self.parts.store_client().map_err(|error| OperateError::start(&error))?;
        let (Some(client), Some(store)) = (client, self.parts.config.store.clone()) else {
            return Err(OperateError::NoStore);
        };
        let today = BeijingTime::now().day();
        let last = day.plus_days(DAYS_AFTER).min(today.plus_days(1));
        let spans: Vec<Days> = Days { first: day.plus_days(-DAYS_BEFORE), last }.spans(3).collect();
        let mut rows = Vec::new();
        let all = spans.len();
        for (asked, span) in spans.into_iter().enumerate() {
            let query = DownloadQuery::new(span.first, span.last);
            let answer = answered(async || {
                let account = Account::store_system();
                self.operator.wait_for_slot(&account, store.calls_per_minute, SLOT_WAIT).await?;
                client.download(what, &query).await.map_err(|error| OperateError::Store(Box::new(error)))
            });
            rows.extend(answer.await?);
            (self.heard)(Asked { system: System::Store, done: asked + 1, all });
        }
        let (mut documents, mut left_out) = (BTreeMap::new(), LeftOut::default());
        for row in rows {
            match row {
                Ok(reading) => {
                    let bill = reading.bill;
                    if self.parts.config.route(&bill) != Ok(scheme) {
                        continue;
                    }
                    let reported = self.bill(own, scheme, &bill);
                    let excluded = own.mapping.excluded(&bill).map(|exclusion| exclusion.reason);
                    if let Some(reason) = excluded.or_else(|| (!own.source.book).then_some("kind_not_booked"))
                    {
                        let amount = (reported.day == Some(day)).then_some(reported.expected);
                        left_out.add(reported.key, reason, amount);
                    } else {
                        documents.insert(reported.key.to_string(), reported);
                    }
                }
                Err(row) if self.keeps_unreadable(scheme, own.source.kind) => {
                    let reported = unreadable(own.source.kind, &row);
                    documents.insert(reported.key.to_string(), reported);
                }
                Err(_) => {}
            }
        }
        Ok(Report { side: SourceSide::Store, documents: documents.into_values().collect(), left_out })
    }

    /// Tells whether a scheme is the first of its kind: it keeps what cannot be read, and so has no store.
    fn keeps_unreadable(&self, scheme: &SchemeId, kind: BillKind) -> bool {
        let mut of_kind = self.parts.config.bill_schemes.iter().filter(|(_, own)| own.source.kind == kind);
        of_kind.next().is_some_and(|(first, _)| first == scheme)
    }

    fn bill(&self, own: &BillScheme, scheme: &SchemeId, bill: &Bill) -> Reported {
        let config = &self.parts.config;
        let key = bill.key();
        let identity = Identity { tenant: &config.tenant, scheme, key: &key };
        let voucher = own.mapping.map(bill, &identity).ok().map(|mapped| mapped.voucher);
        let store = config.tables.store_of(bill).map(|(code, _)| code.to_string());
        let named = || bill.to.code.clone().or_else(|| bill.to.id.clone()).unwrap_or_default();
        let code = |voucher: &Voucher| voucher.code().map(|code| (voucher.kind(), code.clone()));
        Reported {
            shop: store.unwrap_or_else(named),
            expected: voucher.as_ref().map_or_else(|| bill.amount_total.unwrap_or_default(), Voucher::total),
            code: voucher.as_ref().and_then(code),
            voucher_day: voucher.as_ref().map(|voucher| voucher.date().day()),
            version: bill.version(),
            modified: bill.submitted_at,
            day: bill.day(),
            key,
        }
    }
}

impl Report {
    /// Nothing outside is asked.
    fn of_the_ledger() -> Self {
        Self { side: SourceSide::Ledger, documents: Vec::new(), left_out: LeftOut::default() }
    }
}

impl Reported {
    /// What cannot be read counts, too: it was to be booked.
    fn unreadable(
        key: DocumentKey,
        version: Version,
        modified: Option<BeijingTime>,
        day: Option<BusinessDay>,
    ) -> Self {
        let (expected, code, voucher_day) = (Money::ZERO, None, None);
        Self { key, shop: String::new(), expected, code, voucher_day, version, modified, day }
    }
}

/// A bill that cannot be read, under the key that it is kept with.
fn unreadable(kind: BillKind, row: &UnreadableRow) -> Reported {
    let version = row.version();
    let key = row.error.key.clone().unwrap_or_else(|| DocumentKey::unreadable(kind.into(), &version));
    Reported::unreadable(key, version, None, None)
}

fn worth(stockout: &Stockout) -> Money {
    stockout.receivable.unwrap_or_else(|| stockout.share_total() + stockout.post_amount)
}
