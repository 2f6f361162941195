#![doc = include_str!("../README.md")]

mod actions;
mod attempts;
mod batches;
mod codec;
mod decide;
mod document;
mod documents;
mod error;
mod item_store;
mod lines;
mod lists;
mod merging;
mod pace;
mod queries;
mod reconciled;
pub mod schema;
mod seen;
mod settling;
mod stuck;
mod tally;
mod token;
mod transition;
mod watermarks;
mod windows;

pub use actions::Action;
pub use batches::OpenBatch;
pub use decide::{Earlier, KEY_WINDOW_MS, Meaning, Standing, decide, is_late};
pub use document::{
    Attention, Document, DocumentLease, HeldChange, NewDocument, Source, State, UnknownState,
};
pub use documents::{Begun, Frozen, Hold, Noted, REST_MS, Requeued, SetAside, Started, TakeOver};
pub use error::LedgerError;
pub use lists::{Beginning, DayMark};
pub use merging::{Booked, MembersBooked, WaitingRow};
pub use pace::{Pause, Reservation};
pub use queries::{AttentionRow, DayRow, Known, Page, PageToken};
pub use reconciled::{Reconciled, ReconciledRow};
pub use schema::TableNames;
pub use settling::{Decided, Decision};
pub use tally::{Tally, TallyRow};
pub use token::{RefreshLock, SealedToken, Stored};
pub use transition::{
    Attempt, BY_HAND, Begin, CHANGED, Certainty, DISSOLVED, HeldBecomes, KEEP_SECONDS, Parking,
};
pub use watermarks::{Cursor, HistoryEntry, HistoryRow, Lease, TakeLease};
pub use windows::{CursorState, WatermarkSet, WindowsFound};

/// Milliseconds since the Unix epoch. Every operation takes the time from its caller, so that tests and
/// models need no waiting.
pub type EpochMs = i64;

/// The two tables, through one client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: aws_sdk_dynamodb::Client,
    tables: TableNames,
}

impl Ledger {
    /// Wraps a client and the names of the tables. Timeouts and retries are the client's.
    pub const fn new(client: aws_sdk_dynamodb::Client, tables: TableNames) -> Self {
        Self { client, tables }
    }
}
