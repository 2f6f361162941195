//! Chaos: a day of orders through everything that can go wrong at once, from one seed.
//!
//! The seed decides the orders, which call or request meets which fault, which request is the last of its process, and
//! the pauses between the kills that strike at any moment. How the processes interleave is the machine's affair: the
//! same seed brings the same storm, not the same nanoseconds.
//!
//! ```console
//! $ DOUGONG_CHAOS_SEED=7 DOUGONG_CHAOS_ORDERS=10000 cargo test --workspace --test chaos
//! ```
//!
//! A test binary of its own: it needs the whole machine, and Cargo runs test binaries one after another.

mod audit;
mod storm;

use std::io::Write as _;
use std::pin::pin;
use std::time::{Duration, Instant};

use dougong_simulators::day::Plan;
use dougong_simulators::faults::Faults;
use dougong_simulators::wdt::WdtOrder;
use dougong_simulators::{bip, wdt};
use dougong_tests::{World, WorldSettings, is_sold};
use dougong_values::{BeijingTime, Money};

use crate::audit::Versions;
use crate::storm::{Draw, Storm};

/// Calls a minute that the simulated BIP takes, and those that the functions make.
const LIMIT: usize = 9_000;
const PACE: u32 = 8_700;
/// A run of pull that takes longer is killed.
const LONGEST_PULL: Duration = Duration::from_secs(20);
/// Nothing may be booked for so long before the test gives up.
const PATIENCE: Duration = Duration::from_secs(150);

/// Reads a number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("the seed and the number of orders are numbers"))
}

/// Says something at once, whatever becomes of the test: the test harness holds back what is printed.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "chaos: {text}");
}

fn settings(seed: u64) -> WorldSettings {
    let yesterday = BeijingTime::now().plus_seconds(-86_400).day();
    let mut settings = WorldSettings::from(yesterday.start());
    settings.bip = bip::Settings {
        calls_per_minute: Some(LIMIT),
        faults: Faults::script(seed, storm::faults_of_bip()),
        ..bip::Settings::default()
    };
    settings.bip_calls_per_minute = Some(PACE);
    settings.wdt = wdt::Settings {
        calls_per_minute: None,
        faults: Faults::script(seed ^ 1, storm::faults_of_wdt()),
        ..wdt::Settings::default()
    };
    // Everything that waits waits for seconds, and a window is small enough to be finished between two kills.
    settings.rules = [
        (
            "connect_timeout = \"5s\"\nread_timeout = \"35s\"\ntotal_timeout = \"40s\"",
            "connect_timeout = \"3s\"\nread_timeout = \"3s\"\ntotal_timeout = \"3s\"",
        ),
        (
            "connect_timeout = \"10s\"\nread_timeout = \"60s\"\ntotal_timeout = \"120s\"",
            "connect_timeout = \"2s\"\nread_timeout = \"2s\"\ntotal_timeout = \"2s\"",
        ),
        ("throttled_pause = \"60s\"", "throttled_pause = \"1s\""),
        ("misconfigured_pause = \"5m\"", "misconfigured_pause = \"1s\""),
        ("no_token_pause = \"30s\"", "no_token_pause = \"1s\""),
        ("max_span = \"24h\"", "max_span = \"15m\""),
    ]
    .map(|(was, is)| (was, is.to_owned()))
    .to_vec();
    settings.stack = Box::new(|stack| {
        stack.batches.maximum_concurrency = 6;
        stack.deliver_timeout = Duration::from_secs(13);
        stack.pull_timeout = Duration::from_mins(1);
        stack.visibility = Duration::from_secs(5);
    });
    settings
}

/// A day with orders that complete late, that nobody can map, and that nobody can read.
fn day(seed: u64, orders: usize) -> Vec<WdtOrder> {
    let yesterday = BeijingTime::now().plus_seconds(-86_400).day();
    let plan = Plan { unmappable_percent: 1, ..Plan::new(seed, orders, yesterday) };
    let mut day = plan.generate();
    for order in day.iter_mut().filter(|order| order.status == 110).step_by(997) {
        let (id, modified) = (order.stockout_id, order.modified);
        let row = format!(
            r#"{{"stockout_id":"{id}","modified":"{modified}","status":"110","receiver_name":"CANARY-PERSON-raw","details_list":[{{"rec_id":"1","goods_count":"many"}}]}}"#
        );
        order.raw = Some(row);
    }
    day
}

/// Changes one of a hundred orders while the storm blows: ten yuan more for its first line.
fn change_some(world: &World, seed: u64, versions: &mut Versions) {
    let mut draw = Draw::of(seed, "changes");
    for order in world.wdt.orders().into_iter().filter(is_sold) {
        if !draw.one_in(100) {
            continue;
        }
        versions.note(&order);
        let more: Money = "10.00".parse().expect("an amount");
        world.wdt.modify(order.stockout_id, BeijingTime::now(), |order| {
            order.receivable += more;
            order.lines[0].share_amount += more;
        });
    }
}

/// Runs pull again and again, as its schedule does. One that waits for WDT is killed: its pauses are long.
async fn schedule(world: &World, storm: &Storm) {
    let event = serde_json::json!({ "scheme": dougong_tests::SCHEME });
    loop {
        let mut pull = pin!(world.try_pull(&event));
        let pulled = tokio::select! {
            pulled = &mut pull => pulled,
            () = storm::fault_of(&world.wdt) => {
                storm.kill_pull().await;
                pull.await
            }
            () = tokio::time::sleep(LONGEST_PULL) => {
                storm.kill_pull().await;
                pull.await
            }
        };
        let complete = pulled.is_ok_and(|pulled| pulled.complete && !pulled.held);
        // A dead one's lease ends at once: the test does not wait for what only takes time.
        world.end_lease_of_pull().await;
        tokio::time::sleep(Duration::from_millis(if complete { 1_000 } else { 50 })).await;
    }
}

/// Waits until so many orders are booked and so many kills are done; changes things on the way.
async fn watch(world: &World, storm: &Storm, seed: u64, orders: usize, versions: &mut Versions) {
    let sold = || world.wdt.orders().iter().filter(|order| is_sold(order)).count();
    let started = Instant::now();
    let (mut half, mut told, mut last) = (false, 0, (0, Instant::now()));
    let mut to_be_booked = sold();
    loop {
        let booked = world.vouchers();
        if booked * 10 / to_be_booked.max(1) > told {
            told = booked * 10 / to_be_booked.max(1);
            let queue = world.stack.sqs().depth(world.stack.orders_queue()).await.unwrap_or_default();
            let (kills, after) = (storm.kills(), started.elapsed());
            say(&format!("{booked} booked, {kills} kills, {after:?}, {queue:?}"));
        }
        if !half && booked * 2 >= to_be_booked {
            half = true;
            change_some(world, seed, versions);
            world.wdt.change(|wdt| wdt.complete_all(BeijingTime::now()));
            to_be_booked = sold();
        }
        // The last few are parked, or wait for a lease: the storm need not outlast them.
        if half && booked * 100 >= to_be_booked * 97 && storm.kills() * 10_000 >= orders * 300 {
            return;
        }
        if booked > last.0 {
            last = (booked, Instant::now());
        }
        assert!(
            last.1.elapsed() < PATIENCE,
            "{booked} of {to_be_booked} are booked, and no more since {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_through_random_kills_and_every_fault_end_booked_once_or_parked() {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = number("DOUGONG_CHAOS_SEED").unwrap_or_else(|| u64::from(clock.subsec_nanos()));
    let orders = usize::try_from(number("DOUGONG_CHAOS_ORDERS").unwrap_or(2_000)).expect("a size");
    say(&format!("{orders} orders, DOUGONG_CHAOS_SEED={seed}"));
    let _told_again =
        storm::OnFailure(format!("replay with DOUGONG_CHAOS_SEED={seed} DOUGONG_CHAOS_ORDERS={orders}"));

    let started = Instant::now();
    let world = World::start(settings(seed)).await;
    world.wdt.add(day(seed, orders));
    let mut versions = Versions::default();
    let storm = Storm::over(&world, seed);
    tokio::select! {
        () = schedule(&world, &storm) => {}
        () = storm.kills_at_any_moment() => {}
        () = watch(&world, &storm, seed, orders, &mut versions) => {}
    }
    storm.ends();
    world.bip.faults().clear();
    world.wdt.faults().clear();
    say(&format!("the storm is over after {:?}: {} kills", started.elapsed(), storm.kills()));

    // What is left comes to its end by itself.
    world
        .until("a pull gets through", async || {
            let pulled = world.try_pull(&serde_json::json!({ "scheme": dougong_tests::SCHEME })).await;
            world.end_lease_of_pull().await;
            pulled.is_ok_and(|pulled| pulled.complete && !pulled.held)
        })
        .await;
    world.age_open_documents(Duration::from_secs(30)).await;
    world.settle().await;
    say(&format!("settled after {:?}", started.elapsed()));

    audit::every_order_has_ended(&world, &versions).await;
    storm.assert_every_fault_was_met(&world, orders);
    assert!(storm.kills() * 10_000 >= orders * 300, "only {} kills", storm.kills());
    let busiest = world.bip.busiest_minute();
    assert!(busiest <= LIMIT, "{busiest} calls in a minute, {LIMIT} are allowed");
    assert!(world.stack.dead_letters().await.is_empty(), "nothing is beyond help");
    say(&format!("{busiest} calls in the busiest minute of {LIMIT}; {:?} in all", started.elapsed()));
    world.end().await;
    say(&format!("searched after {:?}", started.elapsed()));
}
