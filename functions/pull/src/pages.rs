//! One page of WDT at the account's pace, asked again as its error says.

use std::time::Duration;

use dougong_ledger::Ledger;
use dougong_runtime::{Deadline, epoch_ms};
use dougong_values::{Account, Window};
use dougong_wdt::{Client, ErrorClass, Filter, Page, PageSize, Query, QueryError};

use crate::error::PullError;
use crate::pace::Pace;

/// How often a page is asked for before the run gives up on it.
const TRIES: u32 = 5;

/// A page, or why there is none.
pub(crate) enum Answer {
    /// The page.
    Page(Page),
    /// WDT wants a smaller question.
    TooMuch(QueryError),
    /// The invocation's time does not allow for another attempt.
    OutOfTime,
}

/// Asks WDT for pages.
pub(crate) struct Pages<'a> {
    pub(crate) client: &'a Client,
    pub(crate) pace: Pace<'a>,
    pub(crate) deadline: Deadline,
    pub(crate) calls: u32,
}
