//! `[schemes.<id>]` whose source is a kind of store bill: what is downloaded, and which bills it books.

use std::collections::BTreeMap;
use std::sync::Arc;

use dougong_mapping::rules::Choice;
use dougong_mapping::{BillMapping, StoreType, Tables};
use dougong_store::{Bill, BillKind};
use dougong_values::{BeijingTime, SchemeId};

use crate::rules;
use crate::scheme::{OnChange, TableProblems, joined, note_formulas};
use crate::section::Section;

/// An integration scheme (集成方案) for one kind of store bill.
#[derive(Debug, Clone)]
pub struct BillScheme {
    /// Which bills it is for, and how they are downloaded.
    pub source: BillSource,
    /// What becomes of a bill that changes after it was booked.
    pub on_change: OnChange,
    /// How a bill becomes a voucher.
    pub mapping: BillMapping,
}

/// `[schemes.<id>.source]` with a `bill`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillSource {
    /// The kind of bill.
    pub kind: BillKind,
    /// Whether its bills are booked; otherwise they are kept as skipped.
    pub book: bool,
    /// The types of stores whose bills it is for, sorted; all where the file names none.
    pub store_types: Vec<StoreType>,
    /// Whether its bills are downloaded, too; they always come by push.
    pub download: bool,
    /// The first day that is ever downloaded; none, the days of `rescan_days` are the first.
    pub start: Option<BeijingTime>,
    /// How far behind the present a download stays, in seconds.
    pub lag_seconds: i64,
    /// How much of the last download's time is read again, in seconds: the platform's bounds are uncertain (S2).
    pub overlap_seconds: i64,
    /// The longest span of one download, in seconds: at most three days.
    pub max_span_seconds: i64,
    /// The days that every nightly download reads again.
    pub rescan_days: i64,
}

/// Why no scheme books a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBooked {
    /// No scheme is for this kind of bill.
    NoScheme,
    /// No scheme for this kind of bill is for stores of this type.
    StoreType,
}

impl NotBooked {
    /// Returns the stable name of the reason: `no_scheme`, `store_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoScheme => "no_scheme",
            Self::StoreType => "store_type",
        }
    }
}

/// Returns the scheme that books a bill: the one for its kind and its store's type. A bill of an unknown store goes
/// to the first scheme for its kind, which parks it.
pub(crate) fn route<'a>(
    schemes: &'a BTreeMap<SchemeId, BillScheme>,
    tables: &Tables,
    bill: &Bill,
) -> Result<&'a SchemeId, NotBooked> {
    let store_type = tables.store_of(bill).map(|(_, store)| store.store_type);
    let mut of_kind = schemes.iter().filter(|(_, scheme)| scheme.source.kind == bill.kind).peekable();
    if of_kind.peek().is_none() {
        return Err(NotBooked::NoScheme);
    }
    let takes =
        |scheme: &BillScheme| store_type.is_none_or(|named| scheme.source.store_types.contains(&named));
    of_kind.find(|(_, scheme)| takes(scheme)).map(|(id, _)| id).ok_or(NotBooked::StoreType)
}

const DAY: i64 = 86_400;

/// Reads a scheme whose source names the kind of bill.
pub(crate) fn bill_scheme(
    kind: BillKind,
    on_change: OnChange,
    source_section: Section<'_>,
    mapping_section: Section<'_>,
    tables: Option<&Arc<Tables>>,
    table_problem: TableProblems<'_>,
) -> Option<BillScheme> {
    let source = source(kind, &source_section);
    source_section.finish();
    let rules = rules::bill_rules(kind, &mapping_section);
    note_formulas(&mapping_section, mapping_section.syntax(&rules.formulas));
    let mapping = if let Some(tables) = tables {
        joined(&mapping_section, table_problem, BillMapping::new(rules, Arc::clone(tables)))
    } else {
        let problems = BillMapping::formula_problems(&rules.formulas, rules.target, None);
        note_formulas(&mapping_section, problems);
        None
    };
    mapping_section.finish();
    Some(BillScheme { source, on_change, mapping: mapping? })
}

fn source(kind: BillKind, section: &Section<'_>) -> BillSource {
    const TYPES: &str = "write own, franchise or joint, such as [\"own\", \"joint\"]";
    let named: Option<Vec<Named>> = section.list("store_types", TYPES);
    let mut store_types: Vec<StoreType> = named.into_iter().flatten().map(|Named(named)| named).collect();
    store_types.sort_unstable();
    store_types.dedup();
    if store_types.is_empty() {
        store_types = StoreType::ALL.to_vec();
    }
    BillSource {
        kind,
        book: section.flag("book").unwrap_or(true),
        store_types,
        download: section.flag("download").unwrap_or(true),
        start: section.parsed("start").ok().flatten(),
        lag_seconds: section.seconds("lag", 0..=DAY).unwrap_or(5 * 60),
        overlap_seconds: section.seconds("overlap", DAY..=3 * DAY).unwrap_or(DAY),
        max_span_seconds: section.seconds("max_span", 3_600..=3 * DAY).unwrap_or(DAY),
        rescan_days: section.whole("rescan_days", 0..=30).map_or(3, i64::from),
    }
}

/// A store type as a list names it.
struct Named(StoreType);

impl std::str::FromStr for Named {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        StoreType::named(text).map(Self).ok_or(())
    }
}
