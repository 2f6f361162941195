//! One window: its last page first, its first page last, counted again at the end.

use std::collections::BTreeSet;

use dougong_values::{StockoutId, Window};
use dougong_wdt::{Filter, Page, PageSize, Query, Row};
use tracing::{info, warn};

use crate::pages::{Pages, Stop};
use crate::rows::Rows;

/// How often a window that changes while it is read is read again. What changes more often than that is
/// left to the overlap of the next run and to the nightly re-scan.
const READS: u32 = 3;

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

/// Reads every row of `filter.window` into `rows`, and returns how many pages that took. Then all of its rows
/// are in the queue, known, excluded or parked.
///
/// Rows may move while they are paged: read from the last page to the first they repeat instead of getting
/// lost (`protocols/wdt.md` §2). A window that would not finish is not begun, if it can be cut.
pub(crate) async fn read_window(
    pages: &mut Pages<'_>,
    rows: &mut Rows<'_>,
    filter: &Filter,
    page_size: PageSize,
) -> Result<u64, Stop> {
    let window = filter.window;
    let before = pages.calls();
    let page = |page_no| Query { filter: filter.clone(), page_no, page_size };

    let mut first = pages.read(&page(0)).await?;
    for attempt in 1..=READS {
        let last = last_page(&first, page_size).ok_or(Stop::TooMuch(None))?;
        if last == 0 {
            break;
        }
        if window.span_seconds() > 0 && !pages.time_for(u64::from(last) + 1) {
            return Err(Stop::TooMuch(None));
        }
        for page_no in (1..=last).rev() {
            let read = pages.read(&page(page_no)).await?;
            rows.take(window, read.rows).await?;
        }
        let again = pages.read(&page(0)).await?;
        let steady = again.total == first.total && ids(&again) == ids(&first);
        let before_moving = std::mem::replace(&mut first, again);
        rows.take(window, before_moving.rows).await?;
        if steady {
            break;
        }
        info!(%window, attempt, total = first.total, "rows moved while the window was read");
        if attempt == READS {
            warn!(%window, "the window kept changing; the overlap of the next run reads it once more");
        }
    }
    rows.take(window, first.rows).await?;
    Ok(pages.calls() - before)
}

/// The number of the last page, from 0; `None` if page 0 is full and names no total, which it always should.
fn last_page(first: &Page, page_size: PageSize) -> Option<u32> {
    let rows = u64::try_from(first.rows.len()).unwrap_or(u64::MAX);
    let total = match first.total {
        Some(total) => total.max(rows),
        None if rows < u64::from(page_size.get()) => rows,
        None => return None,
    };
    Some(u32::try_from(page_size.pages(total).saturating_sub(1)).unwrap_or(u32::MAX))
}

/// A window as its own filter.
pub(crate) fn within(window: Window, status: Option<u32>, by_modified: bool) -> Filter {
    Filter { status, is_by_modified: by_modified, ..Filter::within(window) }
}
