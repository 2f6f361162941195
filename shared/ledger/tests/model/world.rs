//! One world: its clock, what WDT has shipped, and the three systems that remember.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;

use dougong_ledger::{EpochMs, NewDocument};
use dougong_values::{Version, VoucherCode};

use crate::bip::Bip;
use crate::groups::Groups;
use crate::oracle::Oracle;
use crate::queue::Queue;
use crate::store::Store;

/// An arbitrary beginning: 2026-11-22 16:00:00 in Beijing.
pub(crate) const START: EpochMs = 1_795_334_400_000;
pub(crate) const SECOND: EpochMs = 1_000;
pub(crate) const MINUTE: EpochMs = 60 * SECOND;
pub(crate) const HOUR: EpochMs = 60 * MINUTE;
pub(crate) const DAY: EpochMs = 24 * HOUR;

/// A protective rule that a run leaves out, to show that the model notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A late replay is sent without being looked up first.
    NoLookUp,
    /// An unsettled document is begun with the message's version instead of what was sent.
    NotFrozen,
    /// Records are written whoever wrote in between.
    NoFence,
    /// A message is done when another worker holds its document.
    DoneWhenBusy,
    /// An unknown outcome is taken for nothing saved.
    UnknownIsNothing,
    /// BIP's being busy now is taken for proof that no earlier attempt was saved.
    BusyIsNothing,
    /// A look-up right after an attempt is believed when it finds nothing.
    AbsentAtOnce,
    /// A changed version is begun although another one is booked.
    BookedOver,
    /// Each attempt has an idempotency key of its own.
    KeyPerAttempt,
    /// An order is noted before its message is sent.
    NotedFirst,
    /// The watermark moves before the page is in the queue.
    WatermarkFirst,
    /// A closing puts together what a part lists already.
    ListedAgain,
    /// A closing that has lost its lease goes on writing.
    ClosedUnleased,
    /// Members that were not told their voucher at once are never told.
    NeverToldLate,
}

/// One version of one document: the body of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub(crate) document: usize,
    pub(crate) version: usize,
}

/// A document of WDT: its versions, and the code its voucher carries unless BIP numbers it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) code: Option<VoucherCode>,
    pub(crate) versions: Vec<NewDocument>,
}

impl Script {
    /// A document whose versions changed at these seconds.
    pub(crate) fn new(number: usize, coded: bool, seconds: &[Option<u32>]) -> Self {
        let version = |(index, second): (usize, &Option<u32>)| NewDocument {
            key: format!("stockout#demo2#{number}").parse().unwrap(),
            scheme: "online-sales".parse().unwrap(),
            version: Version::of(&format!("{number}/{index}")),
            modified: second.map(|second| format!("2026-11-22 15:30:{second:02}").parse().unwrap()),
            day: "2026-11-22".parse().unwrap(),
            amount: Some(format!("{}.{index}", 10 + number).parse().unwrap()),
            source_json: format!("\"{number}/{index}\""),
            warnings: None,
        };
        let code = coded.then(|| format!("SO{number}").parse().unwrap());
        Self { code, versions: seconds.iter().enumerate().map(version).collect() }
    }
}

pub(crate) struct World {
    pub(crate) oracle: RefCell<Oracle>,
    pub(crate) broken: Option<Broken>,
    pub(crate) documents: Vec<Script>,
    pub(crate) store: RefCell<Store>,
    pub(crate) queue: RefCell<Queue>,
    pub(crate) bip: RefCell<Bip>,
    pub(crate) groups: Groups,
    /// Versions that today's mapping cannot map.
    pub(crate) unmappable: RefCell<HashSet<Order>>,
    /// What WDT has shipped so far, in its order; it shows the newest version of each document only.
    pub(crate) shipped: RefCell<Vec<Order>>,
    /// How much of that is certainly in the queue.
    pub(crate) watermark: Cell<usize>,
    pub(crate) deliveries: Cell<u64>,
    pub(crate) faults: Cell<u64>,
    now: Cell<EpochMs>,
    /// Until when the task that is being polled wants to sleep.
    wake_at: Cell<EpochMs>,
    claims: Cell<u64>,
    wrong: RefCell<Option<String>>,
    story: Option<RefCell<Vec<String>>>,
}

impl World {
    pub(crate) fn new(oracle: Oracle, broken: Option<Broken>, documents: Vec<Script>, told: bool) -> Self {
        Self {
            oracle: RefCell::new(oracle),
            broken,
            documents,
            store: RefCell::default(),
            queue: RefCell::default(),
            bip: RefCell::default(),
            groups: Groups::default(),
            unmappable: RefCell::default(),
            shipped: RefCell::default(),
            watermark: Cell::new(0),
            deliveries: Cell::new(0),
            faults: Cell::new(0),
            now: Cell::new(START),
            wake_at: Cell::new(START),
            claims: Cell::new(0),
            wrong: RefCell::default(),
            story: told.then(RefCell::default),
        }
    }

    pub(crate) fn facts(&self, order: Order) -> &NewDocument {
        &self.script(order.document).versions[order.version]
    }

    pub(crate) fn code(&self, order: Order) -> Option<&VoucherCode> {
        self.script(order.document).code.as_ref()
    }

    /// Names a version of a document by its hash.
    pub(crate) fn order(&self, document: usize, version: &Version) -> Order {
        let versions = &self.script(document).versions;
        let version = versions.iter().position(|facts| facts.version == *version).unwrap();
        Order { document, version }
    }

    /// The newest version of a document that WDT shows.
    pub(crate) fn newest(&self, document: usize) -> Option<Order> {
        self.shipped.borrow().iter().rev().find(|order| order.document == document).copied()
    }

    pub(crate) fn is_broken(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    pub(crate) fn now(&self) -> EpochMs {
        self.now.get()
    }

    /// Lets time pass; what arrives late in between arrives.
    pub(crate) fn advance(&self, to: EpochMs) {
        loop {
            let (store, bip) = (self.store.borrow().next_late(), self.bip.borrow().next_done());
            let Some(at) = store.into_iter().chain(bip).min().filter(|at| *at <= to) else { break };
            self.now.set(self.now.get().max(at));
            if store == Some(at) {
                self.say(|| "a write of the ledger arrives late".to_owned());
                self.store.borrow_mut().arrive_late(self.broken);
            } else {
                self.finish_slow_save();
            }
        }
        self.now.set(self.now.get().max(to));
    }

    /// The next instant at which something happens that no task waits for.
    pub(crate) fn next_arrival(&self) -> Option<EpochMs> {
        self.store.borrow().next_late().into_iter().chain(self.bip.borrow().next_done()).min()
    }

    /// Gives every other task the turn: a crash, or anything else, may happen here.
    pub(crate) async fn turn(&self) {
        self.sleep(0).await;
    }

    pub(crate) async fn sleep(&self, duration: EpochMs) {
        let until = self.now() + duration;
        let mut first = true;
        poll_fn(|_| {
            if std::mem::take(&mut first) {
                self.wake_at.set(until);
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    pub(crate) fn wakes_at(&self) -> EpochMs {
        self.wake_at.get()
    }

    pub(crate) fn deviate(&self, deviations: usize) -> usize {
        let answer = self.oracle.borrow_mut().deviate(deviations);
        self.faults.set(self.faults.get() + u64::from(answer > 0));
        answer
    }

    pub(crate) fn between(&self, least: EpochMs, most: EpochMs) -> EpochMs {
        self.oracle.borrow_mut().between(least, most)
    }

    /// Numbers the claims, as the ledger does.
    pub(crate) fn claim(&self) -> String {
        self.claims.set(self.claims.get() + 1);
        format!("run/{}", self.claims.get())
    }

    /// Remembers the first thing that must not happen.
    pub(crate) fn wrong(&self, what: impl FnOnce() -> String) {
        let mut wrong = self.wrong.borrow_mut();
        if wrong.is_none() {
            let what = what();
            self.say(|| format!("WRONG: {what}"));
            *wrong = Some(what);
        }
    }

    pub(crate) fn went_wrong(&self) -> Option<String> {
        self.wrong.borrow().clone()
    }

    /// Adds a line to the story, if anybody wants it told.
    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            let passed = self.now() - START;
            story.borrow_mut().push(format!("{:>6}.{:03} {}", passed / SECOND, passed % SECOND, line()));
        }
    }

    pub(crate) fn story(&self) -> String {
        self.story.as_ref().map(|story| story.borrow().join("\n")).unwrap_or_default()
    }
}
