//! Reconciling a business day (对账): what the source reports, what the ledger holds, what BIP has, and every difference by
//! document with what settles it.

mod books;
mod compare;
mod kept;
mod settle;
mod source;

use std::collections::HashMap;
use std::time::Duration;

use dougong_bip::VoucherKind;
use dougong_ledger::{Cursor, DayRow, Known};
use dougong_runtime::{BipSession, Parts, epoch_ms};
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, DocumentKind, Money, SchemeId, VoucherCode};
use serde::{Deserialize, Serialize};

use self::books::Books;
use self::compare::Sides;
use self::source::{Report, Reported, of_day};
use crate::documents::Place;
use crate::{OperateError, Operator, System};

pub use self::kept::{KeptDay, KeptDays, Summary};
pub use self::settle::SettledBy;

/// What reconciling a scheme's business day came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The scheme.
    pub scheme: SchemeId,
    /// The business day.
    pub day: BusinessDay,
    /// When it was compared.
    pub at: BeijingTime,
    /// Who compared it.
    pub by: String,
    /// Where what was to be booked was asked for.
    pub source: SourceSide,
    /// What the source reports of the day and the scheme books, by shop or store; empty where the ledger is the source.
    pub shops: Vec<ShopSum>,
    /// What the scheme leaves out of what the source reports.
    pub excluded: Sum,
    /// What the ledger holds, by where it stands.
    pub ledger: Vec<PlaceSum>,
    /// The vouchers in BIP that the ledger knows.
    pub bip: Sum,
    /// Vouchers of the day in BIP, of the scheme's kind, that are none of the scheme's.
    pub bip_others: Sum,
    /// How many differences there are.
    pub difference_count: u64,
    /// The differences, by document: all of them, but for what a kept result has no room for.
    pub differences: Vec<Difference>,
}

/// Where what was to be booked was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceSide {
    /// WDT's list of stockouts.
    Wdt,
    /// The store system's downloads.
    Store,
    /// Nobody: the store system hands these bills out once, so that what the downloads brought is all there is to
    /// compare with. What it never handed out is not seen here.
    Ledger,
}

/// A number of documents, and what they are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// What they are worth together.
    pub amount: Money,
}

impl Sum {
    fn add(&mut self, amount: Option<Money>) {
        self.count += 1;
        self.amount += amount.unwrap_or(Money::ZERO);
    }
}

/// What one shop or store reports, and what of it is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopSum {
    /// The shop's number in WDT, or the store's code.
    pub shop: String,
    /// What the source reports.
    pub source: Sum,
    /// What of it the ledger holds as booked.
    pub booked: Sum,
}

/// What stands in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceSum {
    /// Where.
    pub place: Place,
    /// How many.
    pub count: u64,
    /// What they are worth together.
    pub amount: Money,
}

/// A difference between two of the three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The document; `None` for what is about the whole day.
    pub key: Option<DocumentKey>,
    /// What differs.
    pub kind: DifferenceKind,
    /// Where the document stands in the ledger.
    pub place: Option<Place>,
    /// The stable name of why.
    pub reason: Option<String>,
    /// The voucher's code.
    pub voucher_code: Option<VoucherCode>,
    /// What the source says it is worth, as the scheme books it today.
    pub expected: Option<Money>,
    /// What BIP says.
    pub in_bip: Option<Money>,
    /// When WDT changed it last, or the store submitted it: what reading it again asks for.
    pub modified: Option<BeijingTime>,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The scheme was not read to the end of the day: what is still to come is missing below.
    NotReadYet,
    /// The source reports it, and the ledger does not know it: read it again.
    NotInLedger,
    /// The ledger knows it, and it is not booked.
    NotBooked,
    /// The ledger holds it as booked, and BIP does not have its voucher.
    NotInBip,
    /// The source has changed it since it was booked.
    Changed,
    /// BIP's voucher is worth something else.
    OtherAmount,
    /// A voucher has the code of a document that the ledger does not hold as booked with it.
    UnknownVoucher,
    /// The ledger holds it, and the scheme leaves it out today: refunded since, or another rule.
    LeftOut,
    /// The ledger holds it, and the source does not report it any more: cancelled, or voided.
    NotInSource,
}

impl DifferenceKind {
    /// Returns the stable name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReadYet => "not_read_yet",
            Self::NotInLedger => "not_in_ledger",
            Self::NotBooked => "not_booked",
            Self::NotInBip => "not_in_bip",
            Self::Changed => "changed",
            Self::OtherAmount => "other_amount",
            Self::UnknownVoucher => "unknown_voucher",
            Self::LeftOut => "left_out",
            Self::NotInSource => "not_in_source",
        }
    }
}

/// How far asking one system has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Which system.
    pub system: System,
    /// Answers had.
    pub done: usize,
    /// Answers needed, as far as is known by now.
    pub all: usize,
}

/// How long a slot for one call is waited for.
const SLOT_WAIT: Duration = Duration::from_mins(2);
/// Pages of the ledger's list of a day that are read at most: 200 documents each.
const PAGES: u32 = 1_000;
/// Documents read one by one that the source reports of the day and the ledger lists on another one, at most.
const ELSEWHERE: usize = 200;

/// Reconciles days of schemes, and asks BIP once for what several of them need.
pub struct Reconciler<'a> {
    operator: &'a Operator,
    parts: Parts,
    session: BipSession,
    books: Books,
    heard: Box<dyn FnMut(Asked) + Send + 'a>,
}

impl Operator {
    /// Returns the schemes whose days can be reconciled: those that book anything of a system that the configuration has.
    pub fn reconciled_schemes(&self) -> Vec<SchemeId> {
        let config = &self.system.config;
        let of_bills = config.bill_schemes.iter();
        let of_bills = of_bills.filter(|(_, scheme)| config.store.is_some() && scheme.source.book);
        config.schemes.keys().chain(of_bills.map(|(id, _)| id)).cloned().collect()
    }

    /// Gets ready to reconcile days. `function` names who speaks to BIP, empty for a person; `heard` is told how far each
    /// system was asked, which takes minutes for a large day.
    pub async fn reconciler<'a>(
        &'a self,
        function: &'static str,
        heard: impl FnMut(Asked) + Send + 'a,
    ) -> Result<Reconciler<'a>, OperateError> {
        let parts = self.parts()?;
        let session = parts.bip_session(function).await.map_err(|error| OperateError::start(&error))?;
        Ok(Reconciler { operator: self, parts, session, books: Books::default(), heard: Box::new(heard) })
    }

    async fn ledger_of(&self, scheme: &SchemeId, day: BusinessDay) -> Result<Vec<DayRow>, OperateError> {
        let (mut rows, mut page) = (Vec::new(), None);
        for _ in 0..PAGES {
            let read = self.ledger().by_day(scheme, day, None, page).await?;
            rows.extend(read.rows);
            page = read.next;
            if page.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// Reads documents that the ledger knows and lists on another day.
    async fn ledger_elsewhere(
        &self,
        documents: &[Reported],
        listed: &[DayRow],
        known: &HashMap<DocumentKey, Known>,
    ) -> Result<Vec<DayRow>, OperateError> {
        let listed: std::collections::HashSet<&DocumentKey> = listed.iter().map(|row| &row.key).collect();
        let keys = documents.iter().map(|document| &document.key);
        let elsewhere = keys.filter(|key| !listed.contains(key) && known.contains_key(*key)).take(ELSEWHERE);
        let mut rows = Vec::new();
        for key in elsewhere {
            let Some(document) = self.ledger().document(key, epoch_ms()).await? else { continue };
            rows.push(DayRow {
                key: document.key,
                state: document.state,
                amount: document.amount,
                reason: document.reason,
                voucher_code: document.voucher_code,
                voucher_id: document.voucher_id,
                updated_at: document.updated_at,
            });
        }
        Ok(rows)
    }
}

impl Reconciler<'_> {
    /// Reconciles a scheme's business day, and keeps the result: asks the source and BIP at their shared paces, and reads
    /// the ledger's list of the day. Nothing else is changed anywhere.
    ///
    /// # Errors
    /// A day that has not begun; or what one of the three does not answer: then nothing is kept, and an earlier result stays.
    pub async fn reconcile(
        &mut self,
        scheme: &SchemeId,
        day: BusinessDay,
    ) -> Result<Reconciliation, OperateError> {
        let (operator, at) = (self.operator, BeijingTime::now());
        let kind = operator.kind_of(scheme)?;
        if day > at.day() {
            return Err(OperateError::StillToCome { day });
        }
        self.books.keep_near(day);
        let listed = operator.ledger_of(scheme, day).await?;
        // What a store is told about its deliveries stands beside the stockouts, and is no voucher.
        let own = |row: &DayRow| row.key.kind() == kind || row.key.kind() == DocumentKind::Merged;
        let ledger: Vec<DayRow> = listed.into_iter().filter(own).collect();
        let Report { side, documents, left_out } = self.reported(scheme, day).await?;
        let keys: Vec<DocumentKey> = documents.iter().map(|document| document.key.clone()).collect();
        let known = operator.ledger().known(&keys, epoch_ms()).await?;
        let documents = of_day(documents, day, &ledger, &known);
        let elsewhere = operator.ledger_elsewhere(&documents, &ledger, &known).await?;
        let kinds = self.voucher_kinds(scheme);
        let vouchers = self.vouchers(kinds, day, &documents, [&ledger, &elsewhere]).await?;
        let sides = Sides {
            source: side,
            documents: &documents,
            ledger: &ledger,
            elsewhere: &elsewhere,
            known: &known,
            left_out: &left_out.reasons,
            vouchers: &vouchers,
        };
        let mut compared = compare::compare(&sides);
        if operator.is_unread(scheme, day).await? {
            compared.differences.insert(0, Difference::of_day(DifferenceKind::NotReadYet));
        }
        let found = Reconciliation {
            scheme: scheme.clone(),
            day,
            at,
            by: operator.name.clone(),
            source: side,
            shops: compared.shops,
            excluded: left_out.of_day,
            ledger: compared.places,
            bip: compared.bip,
            bip_others: compared.others,
            difference_count: u64::try_from(compared.differences.len()).unwrap_or(u64::MAX),
            differences: compared.differences,
        };
        operator.keep(&found).await?;
        Ok(found)
    }

    fn voucher_kinds(&self, scheme: &SchemeId) -> &'static [VoucherKind] {
        let of_bills = self.parts.config.bill_schemes.get(scheme);
        of_bills.map_or(&[VoucherKind::Order], |scheme| scheme.mapping.voucher_kinds())
    }
}

impl Operator {
    /// Returns the kind of document that a scheme books.
    fn kind_of(&self, scheme: &SchemeId) -> Result<DocumentKind, OperateError> {
        let config = &self.system.config;
        match config.bill_schemes.get(scheme) {
            Some(own) => Ok(own.source.kind.into()),
            None => self.scheme(Some(scheme)).map(|_| DocumentKind::Stockout),
        }
    }

    /// Tells whether a day is over and the scheme's live reading has not passed it.
    async fn is_unread(&self, scheme: &SchemeId, day: BusinessDay) -> Result<bool, OperateError> {
        let bills = self.system.config.bill_schemes.get(scheme);
        if day >= BeijingTime::now().day() || bills.is_some_and(|own| !own.source.download) {
            return Ok(false);
        }
        // Bills are read by the whole day, stockouts to the second.
        let end = day.start().plus_seconds(if bills.is_some() { 86_400 } else { 86_399 });
        let watermark = self.ledger().watermark(scheme, Cursor::Live).await?;
        Ok(watermark.is_none_or(|watermark| watermark < end))
    }
}

impl Difference {
    /// A difference that is about the whole day.
    const fn of_day(kind: DifferenceKind) -> Self {
        Self {
            key: None,
            kind,
            place: None,
            reason: None,
            voucher_code: None,
            expected: None,
            in_bip: None,
            modified: None,
        }
    }
}

/// How often something is asked before its failure is told.
const TRIES: u32 = 3;

/// Asks until there is an answer, three times at most, where what went wrong passes by itself.
async fn answered<T>(mut ask: impl AsyncFnMut() -> Result<T, OperateError>) -> Result<T, OperateError> {
    let mut asked = 1;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(pause) = error.passes().filter(|_| asked < TRIES) else { return Err(error) };
        tokio::time::sleep(pause).await;
        asked += 1;
    }
}
