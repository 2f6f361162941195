//! One window: its last page first, its first page last, counted again at the end.

use std::collections::BTreeSet;

use dougong_values::{StockoutId, Window};
use dougong_wdt::{Filter, Page, PageSize, Query, QueryError, Row};
use tracing::{info, warn};

use crate::PullError;
use crate::intake::Intake;
use crate::pages::{Answer, Pages};

/// How often a window that changes while it is read is read again. What changes more often than that is
/// left to the overlap of the next run and to the nightly re-scan.
const READS: u32 = 3;

/// What reading a window came to.
pub(crate) enum Reading {
    /// All of its rows are in the queue, known, excluded or parked.
    Done {
        /// Pages read.
        pages: u64,
    },
    /// It has to be cut: WDT said so, or it would not finish.
    TooMuch(Option<QueryError>),
    /// The time is up; nothing is lost, the next run reads it again.
    OutOfTime,
}

/// A page's rows by identity: what changes when rows come and go.
fn ids(page: &Page) -> BTreeSet<Option<&StockoutId>> {
    page.rows
        .iter()
        .map(|row| match row {
            Row::Stockout(stockout) => Some(&stockout.stockout_id),
            Row::Unreadable(row) => row.stockout_id.as_ref(),
        })
        .collect()
}

/// Reads every row of `filter.window` into `intake`.
///
/// Rows may move while they are paged: read from the last page to the first they repeat instead of getting
/// lost (`protocols/wdt.md` §2). `may_cut` says whether the caller can cut the window if it is too much.
pub(crate) async fn read_window(
    pages: &mut Pages<'_>,
    intake: &mut Intake<'_>,
    filter: &Filter,
    page_size: PageSize,
    may_cut: bool,
) -> Result<Reading, PullError> {
    let window = filter.window;
    let mut read = 0;
    macro_rules! page {
        ($number:expr) => {{
            let query = Query { filter: filter.clone(), page_no: $number, page_size };
            match pages.read(&query).await? {
                Answer::Page(page) => {
                    read += 1;
                    page
                }
                Answer::TooMuch(error) => return Ok(Reading::TooMuch(Some(error))),
                Answer::OutOfTime => return Ok(Reading::OutOfTime),
            }
        }};
    }

    let mut first = page!(0);
    for attempt in 1..=READS {
        let count = last_page(&first, page_size);
        if count == 0 {
            intake.take(window, first.rows).await?;
            return Ok(Reading::Done { pages: read });
        }
        if may_cut && !pages.time_for(u64::from(count) + 1) {
            return Ok(Reading::TooMuch(None));
        }
        for number in (1..=count).rev() {
            let page = page!(number);
            intake.take(window, page.rows).await?;
        }
        let again = page!(0);
        let steady = again.total == first.total && ids(&again) == ids(&first);
        let unseen = std::mem::take(&mut first.rows);
        first = again;
        intake.take(window, unseen).await?;
        if steady {
            return Ok(Reading::Done { pages: read });
        }
        info!(%window, attempt, total = first.total, "rows moved while the window was read");
    }
    intake.take(window, first.rows).await?;
    warn!(%window, "the window kept changing; the overlap of the next run reads it once more");
    Ok(Reading::Done { pages: read })
}

/// The number of the last page, from 0. Without a total (which only page 0 must have) a full page means
/// that there may be another.
fn last_page(first: &Page, page_size: PageSize) -> u32 {
    let rows = u64::try_from(first.rows.len()).unwrap_or(u64::MAX);
    let total = first.total.unwrap_or(if rows < u64::from(page_size.get()) { rows } else { rows + 1 });
    u32::try_from(page_size.pages(total.max(rows)).saturating_sub(1)).unwrap_or(u32::MAX)
}

/// A window as its own filter.
pub(crate) fn within(window: Window, status: Option<u32>, by_modified: bool) -> Filter {
    Filter { status, is_by_modified: by_modified, ..Filter::within(window) }
}
