//! Worlds of one document, or of two that are merged, walked through completely.

use crate::groups::Groups;
use crate::large::put_together;
use crate::oracle::{Oracle, Path};
use crate::sim::{Event, Sim};
use crate::world::{Broken, HOUR, MINUTE, Order, SECOND, Script, World};
use crate::{Counts, setting};

/// A small world: what happens from outside, and when.
#[derive(Clone, Copy)]
struct Plan {
    name: &'static str,
    coded: bool,
    /// Whether orders are merged; then there is a second one.
    merging: bool,
    seconds: &'static [Option<u32>],
    events: &'static [(i64, Event)],
}

const FIRST: Order = Order { document: 0, version: 0 };
const OTHER: Order = Order { document: 1, version: 0 };
const SECOND_VERSION: Order = Order { document: 0, version: 1 };

const PLANS: [Plan; 9] = [
    Plan {
        name: "an order tried again just before its hour is over, which then can no longer be mapped",
        coded: true,
        merging: false,
        seconds: &[Some(1), Some(2)],
        events: &[
            (0, Event::Ship(FIRST)),
            (1, Event::Pull),
            (HOUR, Event::Remap(FIRST)),
            (HOUR + 11 * SECOND, Event::Ship(SECOND_VERSION)),
            (HOUR + 11 * SECOND, Event::Pull),
        ],
    },
    Plan {
        name: "one order",
        coded: true,
        merging: false,
        seconds: &[Some(1)],
        events: &[(0, Event::Ship(FIRST)), (1, Event::Pull)],
    },
    Plan {
        name: "one order that BIP numbers, pulled twice",
        coded: false,
        merging: false,
        seconds: &[Some(1)],
        events: &[(0, Event::Ship(FIRST)), (1, Event::Pull), (2, Event::Pull)],
    },
    Plan {
        name: "an order that changes at once",
        coded: true,
        merging: false,
        seconds: &[Some(1), Some(2)],
        events: &[
            (0, Event::Ship(FIRST)),
            (1, Event::Pull),
            (8, Event::Ship(SECOND_VERSION)),
            (9, Event::Pull),
        ],
    },
    Plan {
        name: "an order that changes an hour later",
        coded: true,
        merging: false,
        seconds: &[Some(1), Some(2)],
        events: &[
            (0, Event::Ship(FIRST)),
            (1, Event::Pull),
            (HOUR + MINUTE, Event::Ship(SECOND_VERSION)),
            (HOUR + MINUTE, Event::Pull),
        ],
    },
    Plan {
        name: "an order that can no longer be mapped when it changes",
        coded: true,
        merging: false,
        seconds: &[Some(1), Some(2)],
        events: &[
            (0, Event::Ship(FIRST)),
            (1, Event::Pull),
            (30 * SECOND, Event::Remap(FIRST)),
            (30 * SECOND, Event::Remap(SECOND_VERSION)),
            (40 * SECOND, Event::Ship(SECOND_VERSION)),
            (40 * SECOND, Event::Pull),
        ],
    },
    Plan {
        name: "two orders that are put together",
        coded: true,
        merging: true,
        seconds: &[Some(1)],
        events: &[
            (0, Event::Ship(FIRST)),
            (0, Event::Ship(OTHER)),
            (1, Event::Pull),
            (MINUTE, Event::Close),
            (MINUTE + 500, Event::Close),
        ],
    },
    Plan {
        name: "an order that changes while it is put together with another one",
        coded: true,
        merging: true,
        seconds: &[Some(1), Some(2)],
        events: &[
            (0, Event::Ship(FIRST)),
            (0, Event::Ship(OTHER)),
            (1, Event::Pull),
            (MINUTE, Event::Close),
            (MINUTE, Event::Ship(SECOND_VERSION)),
            (MINUTE, Event::Pull),
        ],
    },
    Plan {
        name: "an order that a person sends again",
        coded: true,
        merging: false,
        seconds: &[Some(1), Some(1)],
        events: &[
            (0, Event::Remap(FIRST)),
            (0, Event::Ship(FIRST)),
            (1, Event::Pull),
            (20 * MINUTE, Event::Person(0)),
            (20 * MINUTE, Event::Ship(SECOND_VERSION)),
            (20 * MINUTE, Event::Pull),
        ],
    },
];

fn run(plan: Plan, path: Path, broken: Option<Broken>, told: bool) -> Sim {
    let mut documents = vec![Script::new(0, plan.coded, plan.seconds)];
    if plan.merging {
        documents.push(Script::new(1, plan.coded, &[Some(1)]));
    }
    let mut world = World::new(Oracle::Path(path), broken, documents, told);
    world.groups = Groups::of(plan.merging);
    let mut sim = Sim::new(world, 2);
    for &(after, event) in plan.events {
        sim.plan(after, event);
    }
    sim.drain();
    if plan.merging {
        put_together(&mut sim);
    }
    if sim.world.went_wrong().is_none() {
        sim.world.check();
    }
    sim
}

fn path_of(sim: &Sim) -> Path {
    match &*sim.world.oracle.borrow() {
        Oracle::Path(path) => path.clone(),
        Oracle::Chance { .. } => panic!("a small world follows a path"),
    }
}

#[test]
fn every_small_world_ends_with_its_order_booked_once_or_shown() {
    let depth = usize::try_from(setting("DOUGONG_MODEL_DEPTH").unwrap_or(2)).unwrap();
    let mut counts = Counts::default();
    for plan in PLANS {
        let mut next = Some(Path::first(depth));
        while let Some(path) = next {
            let sim = run(plan, path.clone(), None, false);
            if let Some(wrong) = sim.world.went_wrong() {
                let deviations = path_of(&sim).deviations();
                let story = run(plan, path, None, true).world.story();
                panic!("{story}\n{}, deviating at {deviations:?}: {wrong}", plan.name);
            }
            counts.add(Counts {
                deliveries: sim.world.deliveries.get(),
                faults: sim.world.faults.get(),
                worlds: 1,
            });
            next = path_of(&sim).next();
        }
    }
    eprintln!("small worlds: {counts:?}");
    assert!(counts.worlds > 400, "{counts:?}: the walk is broken");
}
