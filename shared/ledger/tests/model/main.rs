//! A deterministic model of the ledger, the queue and BIP: seeded, in virtual time.
//!
//! The decisions ([`dougong_ledger::decide`]) and the transitions of a [`dougong_ledger::Document`] are the real
//! ones. Around them stand a table, a queue and BIP with everything that may happen to them, and the steps of
//! `functions/pull` and `functions/deliver` as tasks of which any may stop or die between any two steps.
//!
//! - Small worlds are walked through completely: every combination of at most `DOUGONG_MODEL_DEPTH` (2) deviations
//!   from the normal run, a deviation being a crash, a lost or late request or answer, a repeated or late message,
//!   an answer of BIP, another task's turn, or a stop of everybody.
//! - Large worlds are random, until `DOUGONG_MODEL_DELIVERIES` (a million) messages were received. A failing world
//!   prints its seed; `DOUGONG_MODEL_SEED` runs that one alone and tells its story.
//! - In some of them orders are merged: they wait in a group, closings put them together, parts are booked.
//! - Each protective rule is left out once, to show that the model notices.
//!
//! What it takes for granted: a worker sends nothing three minutes after its lease ended, BIP works two minutes on
//! a request at most, and messages are received until they end (the dead-letter queue is no part of it).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

mod bip;
mod check;
mod deliver;
mod groups;
mod large;
mod ledger;
mod oracle;
mod pull;
mod queue;
mod sim;
mod small;
mod store;
mod teeth;
mod world;

/// What a run came to.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    deliveries: u64,
    faults: u64,
    worlds: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.faults += other.faults;
        self.worlds += other.worlds;
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}
