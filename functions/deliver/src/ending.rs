//! How a message ends, or when it comes back.

/// How a message came to its end in this invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// BIP saved the voucher.
    Posted,
    /// BIP had the voucher already: a duplicate avoided.
    AlreadySaved,
    /// The ledger had it as booked already: a duplicate avoided.
    AlreadyPosted,
    /// A person has to look at the document.
    Parked,
    /// The document is deliberately not booked, and kept as such.
    Skipped,
    /// It waits in its group, to be merged with others.
    Grouped,
    /// Nothing is to be done: a newer message exists, or it is parked or skipped already.
    Nothing,
    /// It is no message of ours and lies in the dead-letter queue now.
    DeadLettered,
    /// The message comes back.
    Again(Again),
}

/// When a message comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// At once, nearly: something else was settled first.
    Soon,
    /// After a wait that doubles each time.
    Growing,
    /// After a look-up that found nothing, too soon for that to be believed: a few times after a growing while, since
    /// what is looked for may come by itself; then when it can be believed.
    Absent,
    /// After BIP may have finished what it was at.
    Unknown,
    /// At an instant, milliseconds since the epoch: a lease ends, a pause is over, a slot is free.
    At(i64),
    /// When everyone's pause is over: BIP limited calls, or refused its own token.
    Throttled,
    /// When a person has mended the settings.
    Misconfigured,
    /// The code failed, not the order: an attempt that never ended.
    Failed,
    /// The code failed, not the order: a panic.
    Panicked,
}
