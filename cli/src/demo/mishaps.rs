//! What happens to the functions, and to orders while they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dougong_cloud::{FunctionHost, Point, Stack};
use dougong_simulators::wdt;
use dougong_values::BeijingTime;

/// The run of `pull` that is killed in a storm: the first has read the day by then.
const PULL_TO_KILL: u64 = 4;
/// The run of `sweep` that is killed in a storm: in the middle of the first round.
const SWEEP_TO_KILL: u64 = 3;
/// The log line of `deliver` between BIP's answer and its record: the worst moment to die.
const BIP_HAS_ANSWERED: &str = "\"BIP answered\"";
/// The log line of `accept` between storing a push and answering it.
const PUSH_IS_STORED: &str = "\"push stored\"";
/// Of the pushes that are stored, one in so many is not answered.
const PUSHES_PER_KILL: u64 = 15;

/// Touches an order right after a page was served, so that it moves to the end of WDT's list.
pub(crate) fn move_while_paged(simulator: &wdt::Simulator, moved: &Arc<AtomicU64>) {
    for (page_no, place) in [(0, 2), (1, 4), (0, 6)] {
        let moved = Arc::clone(moved);
        simulator.after_page(page_no, move |world| {
            let completed: Vec<u64> =
                world.orders().filter(|order| order.status == 110).map(|order| order.stockout_id).collect();
            if let Some(&id) = completed.get(place)
                && world.modify(id, BeijingTime::now(), |_| ())
            {
                moved.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

/// Kills `deliver` a few times between an answer of BIP and its record, `accept` between storing a push and answering
/// it, and `pull` and `sweep` once at the start of a run.
pub(crate) fn kill_at_work(stack: &Stack, documents: u32, killed: &Arc<AtomicU64>) {
    let most = 2 + u64::from(documents / 100).min(10);
    let every = (u64::from(documents) / (most + 1)).max(1);
    kill_after_lines(stack.deliver_host(), BIP_HAS_ANSWERED, every, most, killed);
    kill_run(stack.pull_host(), PULL_TO_KILL, killed);
    if let Some(store) = stack.store() {
        kill_after_lines(store.accept_host(), PUSH_IS_STORED, PUSHES_PER_KILL, u64::MAX, killed);
        kill_run(store.sweep_host(), SWEEP_TO_KILL, killed);
    }
}

/// Kills a function each time it has logged a line so often, but not more than `most` times.
fn kill_after_lines(
    host: &FunctionHost,
    wanted: &'static str,
    every: u64,
    most: u64,
    killed: &Arc<AtomicU64>,
) {
    let (seen, kills) = (AtomicU64::new(0), Arc::clone(killed));
    host.kill_during(move |moment| {
        let Point::Printed(line) = moment.point else { return false };
        if !line.contains(wanted) {
            return false;
        }
        let line = seen.fetch_add(1, Ordering::Relaxed) + 1;
        let now = line.is_multiple_of(every) && line / every <= most;
        kills.fetch_add(u64::from(now), Ordering::Relaxed);
        now
    });
}

/// Kills a function at the start of its run of this number.
fn kill_run(host: &FunctionHost, run: u64, killed: &Arc<AtomicU64>) {
    let kills = Arc::clone(killed);
    host.kill_during(move |moment| {
        let now = moment.nth == run && moment.point == Point::Started;
        kills.fetch_add(u64::from(now), Ordering::Relaxed);
        now
    });
}
