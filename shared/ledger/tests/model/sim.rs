//! Runs a world: who goes on next, who dies, and when time passes.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use dougong_ledger::{EpochMs, State};

use crate::deliver::deliver;
use crate::groups::{close, send_stuck};
use crate::ledger::LEASE;
use crate::oracle::Oracle;
use crate::pull::{pull, rescan, send_again};
use crate::world::{MINUTE, Order, SECOND, World};

/// How long a stopped worker may outlive its lease before its host ends it.
const OUTLIVES: EpochMs = 3 * MINUTE;
/// A person looks at what has been parked so long, when nobody can be at work on it any more.
const PERSON_WAITS: EpochMs = 15 * MINUTE;
/// A world whose queue does not drain within so many steps never will.
const MOST_STEPS: u64 = 300_000;

/// What happens to a world from outside, at its time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// WDT ships a version.
    Ship(Order),
    /// The schedule runs `pull`.
    Pull,
    /// The re-scan reads this many documents again.
    Rescan(usize),
    /// A person looks at a document, and sends it again if it is parked.
    Person(usize),
    /// The schedule closes groups.
    Close,
    /// The schedule looks for what has no message.
    SendStuck,
    /// A person looks at every parked part, and sends it again or gives it up.
    Parts { give_up: bool },
    /// Somebody turns merging on or off.
    Merge(bool),
    /// Somebody edits the tables: a version becomes mappable, or is no more.
    Remap(Order),
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    wake_at: EpochMs,
    dies_at: EpochMs,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Worker,
    Pull,
    /// The closing, and the search for what is stuck: the next run goes on.
    Close,
    /// Does not crash: whoever types a command sees that it failed.
    Person,
}

pub(crate) struct Sim {
    pub(crate) world: Rc<World>,
    events: Vec<(EpochMs, Event)>,
    tasks: Vec<Task>,
    /// How many workers there are at most.
    workers: usize,
    /// The task that went on last.
    last: usize,
    steps: u64,
}

impl Sim {
    pub(crate) fn new(world: World, workers: usize) -> Self {
        Self { world: Rc::new(world), events: Vec::new(), tasks: Vec::new(), workers, last: 0, steps: 0 }
    }

    /// Plans an event so long from now.
    pub(crate) fn plan(&mut self, after: EpochMs, event: Event) {
        self.events.push((self.world.now() + after, event));
    }

    /// Runs until nothing is left to be done, or something went wrong.
    pub(crate) fn drain(&mut self) {
        self.drain_until(EpochMs::MAX);
    }

    /// Runs until that instant at most.
    pub(crate) fn drain_until(&mut self, end: EpochMs) {
        while self.world.now() < end && self.world.went_wrong().is_none() && self.step() {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                self.world.wrong(|| "the queue does not drain".to_owned());
            }
        }
    }

    fn spawn(&mut self, kind: Kind, future: impl Future<Output = ()> + 'static) {
        let now = self.world.now();
        let dies_at = match kind {
            Kind::Worker | Kind::Pull | Kind::Close => now + LEASE + OUTLIVES,
            Kind::Person => EpochMs::MAX,
        };
        self.tasks.push(Task { future: Box::pin(future), wake_at: now, dies_at, kind });
    }

    fn step(&mut self) -> bool {
        let now = self.world.now();
        if let Some(due) = self.events.iter().position(|(at, _)| *at <= now) {
            let (_, event) = self.events.remove(due);
            self.happens(event);
            return true;
        }
        let at_work = self.tasks.iter().filter(|task| task.kind == Kind::Worker).count();
        if at_work < self.workers
            && let Some(message) = self.world.receive()
        {
            self.spawn(Kind::Worker, deliver(Rc::clone(&self.world), message));
            return true;
        }
        let ready: Vec<usize> =
            (0..self.tasks.len()).filter(|&index| self.tasks[index].wake_at <= now).collect();
        let next = self.next_instant();
        if ready.is_empty() {
            return next.is_some_and(|next| {
                self.world.advance(next);
                true
            });
        }
        if let Some(next) = next
            && self.world.deviate(1) > 0
        {
            self.world.say(|| "everybody is stopped for a while".to_owned());
            self.world.advance(next);
            return true;
        }
        let usual = ready.iter().position(|&index| index == self.last).unwrap_or(0);
        let index = ready[self.world.oracle.borrow_mut().pick(ready.len(), usual)];
        self.go_on(index);
        true
    }

    /// The next instant at which anything can happen that cannot now.
    fn next_instant(&self) -> Option<EpochMs> {
        let now = self.world.now();
        let tasks = self.tasks.iter().map(|task| task.wake_at);
        let events = self.events.iter().map(|(at, _)| *at);
        let queue = self.world.queue.borrow().next_visible();
        tasks.chain(events).chain(queue).chain(self.world.next_arrival()).filter(|at| *at > now).min()
    }

    fn go_on(&mut self, index: usize) {
        let now = self.world.now();
        let task = &mut self.tasks[index];
        let crashes = now > task.dies_at || (task.kind != Kind::Person && self.world.deviate(1) > 0);
        if crashes {
            self.world.say(|| format!("task {index} crashes"));
        }
        let ended = crashes || task.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if ended {
            let task = self.tasks.remove(index);
            let behind = self.world.watermark.get() < self.world.shipped.borrow().len();
            if task.kind == Kind::Pull && behind {
                self.plan(MINUTE, Event::Pull);
            }
        } else {
            task.wake_at = self.world.wakes_at();
        }
        self.last = index;
        self.world.advance(self.world.now() + self.world.between(1, 40));
    }

    fn happens(&mut self, event: Event) {
        let world = Rc::clone(&self.world);
        world.say(|| format!("{event:?}"));
        match event {
            Event::Ship(order) => world.shipped.borrow_mut().push(order),
            Event::Pull => self.spawn(Kind::Pull, pull(world)),
            Event::Rescan(documents) => self.spawn(Kind::Pull, rescan(world, documents)),
            Event::Close => self.spawn(Kind::Close, close(world)),
            Event::SendStuck => self.spawn(Kind::Close, send_stuck(world)),
            Event::Merge(merging) => world.groups.merging.set(merging),
            Event::Parts { give_up } => {
                let parked = |list: &usize| {
                    let facts = &world.script(*list).versions[0];
                    world.store.borrow().get(&facts.key).is_some_and(|part| {
                        let is_parked = part.version == facts.version && part.state == State::Parked;
                        is_parked && part.updated_at + PERSON_WAITS < world.now()
                    })
                };
                for list in world.lists().filter(parked).collect::<Vec<_>>() {
                    let world = Rc::clone(&world);
                    if give_up {
                        self.spawn(Kind::Person, async move {
                            let key = &world.script(list).versions[0].key;
                            drop(world.dissolve(key).await);
                        });
                    } else {
                        self.spawn(Kind::Person, send_again(world, list));
                    }
                }
            }
            Event::Person(document) => {
                let key = &world.documents[document].versions[0].key;
                let parked = world.store.borrow().get(key).is_some_and(|item| {
                    item.state == State::Parked && item.updated_at + PERSON_WAITS < world.now()
                });
                if parked {
                    self.spawn(Kind::Person, send_again(world, document));
                }
            }
            Event::Remap(order) => {
                let mut unmappable = world.unmappable.borrow_mut();
                if !unmappable.remove(&order) {
                    unmappable.insert(order);
                }
            }
        }
    }

    /// Ends the storm: from now on everything works.
    pub(crate) fn calm(&mut self, is_calm: bool) {
        if let Oracle::Chance { calm, .. } = &mut *self.world.oracle.borrow_mut() {
            *calm = is_calm;
        }
        self.world.advance(self.world.now() + SECOND);
    }
}
