//! Random worlds of a dozen documents and several workers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{available_parallelism, scope};

use crate::groups::Groups;
use crate::ledger::LEASE;
use crate::oracle::{Oracle, SplitMix};
use crate::sim::{Event, Sim};
use crate::world::{Broken, DAY, HOUR, MINUTE, Order, SECOND, Script, World};
use crate::{Counts, setting};

/// Documents of a world; the first ones carry codes of their own, the others BIP numbers.
const DOCUMENTS: usize = 12;
const CODED: usize = 9;

/// A world of this seed, run to its end; what went wrong, with the world's story if it is to be told.
pub(crate) fn run(seed: u64, broken: Option<Broken>, told: bool) -> (Counts, Option<String>) {
    let mut random = SplitMix(seed);
    let documents = (0..DOCUMENTS).map(|number| Script::new(number, number < CODED, &seconds(&mut random)));
    let documents: Vec<Script> = documents.collect();
    let versions: Vec<usize> = documents.iter().map(|script| script.versions.len()).collect();
    let permille = [3, 10, 30, 80][random.below(4)];
    let oracle = Oracle::Chance { random: SplitMix(random.next()), permille, calm: false };
    let merging =
        matches!(broken, Some(Broken::ListedAgain | Broken::ClosedUnleased | Broken::NeverToldLate))
            || (broken.is_none() && random.permille(400));
    let mut world = World::new(oracle, broken, documents, told);
    world.groups = Groups::of(merging);
    let mut sim = Sim::new(world, 1 + random.below(5));
    let most = [10 * MINUTE, 3 * HOUR, 3 * DAY][random.below(3)];
    let mut some_time = || random_time(&mut random, most);
    for (document, &versions) in versions.iter().enumerate() {
        let mut times: Vec<i64> = (0..versions).map(|_| some_time()).collect();
        times.sort_unstable();
        for (version, &time) in times.iter().enumerate() {
            sim.plan(time, Event::Ship(Order { document, version }));
            sim.plan(time + SECOND, Event::Pull);
        }
        sim.plan(some_time() + 20 * MINUTE, Event::Person(document));
    }
    for _ in 0..4 {
        sim.plan(some_time(), Event::Pull);
    }
    for _ in 0..random.below(8) {
        let document = random.below(DOCUMENTS);
        let order = Order { document, version: random.below(versions[document]) };
        sim.plan(random_time(&mut random, most), Event::Remap(order));
    }
    if merging {
        closings(&mut sim, &mut random, most);
    }
    weather(&mut sim, most);
    for document in 0..DOCUMENTS {
        if random.permille(500) {
            sim.plan(HOUR, Event::Person(document));
        }
    }
    if merging {
        put_together(&mut sim);
    }
    settle(&mut sim);
    sim.plan(SECOND, Event::Rescan(DOCUMENTS));
    if merging {
        put_together(&mut sim);
    }
    settle(&mut sim);
    if !merging && random.permille(100) {
        // More than a year later, when the ledger has forgotten, a backfill reads the same orders again.
        sim.world.advance(sim.world.now() + 401 * DAY);
        for script in &sim.world.documents[..CODED] {
            if random.permille(500) {
                let (key, now) = (&script.versions[0].key, sim.world.now());
                sim.world.store.borrow_mut().delete_expired(key, now);
            }
        }
        sim.plan(SECOND, Event::Rescan(CODED));
        weather(&mut sim, HOUR);
        sim.plan(SECOND, Event::Rescan(CODED));
        settle(&mut sim);
    }
    let world = &sim.world;
    let counts = Counts { deliveries: world.deliveries.get(), faults: world.faults.get(), worlds: 1 };
    (counts, world.went_wrong().map(|wrong| format!("{}\nseed {seed}: {wrong}", world.story())))
}

fn random_time(random: &mut SplitMix, most: i64) -> i64 {
    i64::try_from(random.next() % most.unsigned_abs()).unwrap()
}

/// When the versions of a document changed: mostly one after the other.
fn seconds(random: &mut SplitMix) -> Vec<Option<u32>> {
    let mut second = 0;
    let versions = 1 + random.below(3);
    let mut next = || {
        second += u32::from(!random.permille(100));
        (!random.permille(20)).then_some(second)
    };
    (0..versions).map(|_| next()).collect()
}

/// Plans closings all the time, and people who look at parts, and at times somebody who turns merging off and on.
fn closings(sim: &mut Sim, random: &mut SplitMix, most: i64) {
    for _ in 0..12 {
        let time = random_time(random, most);
        sim.plan(time, Event::Close);
        // The next one, when the first may have been stopped and lost its lease.
        sim.plan(time + LEASE + random_time(random, 10 * SECOND), Event::Close);
        sim.plan(random_time(random, most), Event::SendStuck);
    }
    for _ in 0..3 {
        sim.plan(random_time(random, most), Event::Parts { give_up: random.permille(500) });
    }
    if random.permille(300) {
        sim.plan(random_time(random, most), Event::Merge(false));
        sim.plan(random_time(random, most), Event::Merge(true));
    }
}

/// Lets closings and people do what is left, when nothing goes wrong any more.
pub(crate) fn put_together(sim: &mut Sim) {
    for _ in 0..4 {
        sim.drain();
        for event in [Event::SendStuck, Event::Close, Event::Parts { give_up: false }] {
            // What a run left undone is quiet by then, and so is a lease.
            sim.world.advance(sim.world.now() + HOUR);
            sim.plan(SECOND, event);
            sim.drain();
        }
    }
}

/// Lets things go wrong for some time, and then no more, until the queue has drained.
fn weather(sim: &mut Sim, storm: i64) {
    sim.calm(false);
    sim.drain_until(sim.world.now() + storm);
    sim.calm(true);
    sim.drain();
}

/// Drains, and checks what must be true then.
fn settle(sim: &mut Sim) {
    sim.drain();
    if sim.world.went_wrong().is_none() {
        sim.world.check();
    }
}

/// Runs worlds from `first` on, on every core, until so many messages were received.
fn run_many(first: u64, deliveries: u64) -> Counts {
    let next = AtomicU64::new(first);
    let total = Mutex::new(Counts::default());
    let failed = AtomicBool::new(false);
    let failure = Mutex::new(None);
    scope(|threads| {
        for _ in 0..available_parallelism().map_or(2, usize::from) {
            threads.spawn(|| {
                while !failed.load(Ordering::Relaxed) && total.lock().unwrap().deliveries < deliveries {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let (counts, wrong) = run(seed, None, false);
                    total.lock().unwrap().add(counts);
                    if wrong.is_some() {
                        failed.store(true, Ordering::Relaxed);
                        *failure.lock().unwrap() = Some(seed);
                    }
                }
            });
        }
    });
    if let Some(seed) = failure.into_inner().unwrap() {
        let (_, wrong) = run(seed, None, true);
        panic!("{}\nrun it again with DOUGONG_MODEL_SEED={seed}", wrong.unwrap_or_default());
    }
    total.into_inner().unwrap()
}

#[test]
fn a_large_world_ends_with_every_order_booked_once_or_shown() {
    if let Some(seed) = setting("DOUGONG_MODEL_SEED") {
        let (counts, wrong) = run(seed, None, true);
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
        eprintln!("seed {seed}: {counts:?}");
        return;
    }
    let deliveries = setting("DOUGONG_MODEL_DELIVERIES").unwrap_or(1_000_000);
    let counts = run_many(1, deliveries);
    eprintln!("large worlds: {counts:?}");
    assert!(counts.faults > counts.deliveries / 10, "nothing goes wrong: {counts:?}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1..4 {
        let stories = [(); 2].map(|()| {
            let (counts, _) = run(seed, None, true);
            (counts.deliveries, counts.faults)
        });
        assert_eq!(stories[0], stories[1]);
    }
}
