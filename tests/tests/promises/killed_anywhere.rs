//! A function that is killed before or after any request it makes.
//!
//! A function does nothing that others can see but by its requests: a kill between two of them is a kill after the
//! one or before the other. So every request is the last one once, carried out or not.

use std::sync::Arc;
use std::time::Duration;

use dougong_cloud::{Call, FunctionHost, Refusal, Verdict};
use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{World, WorldSettings};
use dougong_values::BeijingTime;
use tokio::sync::watch;

use crate::{at, impatient, short_leases, sold};

/// Whether the last request of a dying function is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    Before,
    After,
}

/// Kills a function around one of its requests.
#[derive(Debug, Clone)]
pub(crate) struct Trap {
    host: FunctionHost,
    aim: Arc<watch::Sender<Option<Aim>>>,
    deaths: Arc<watch::Sender<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Aim {
    kill: Kill,
    /// So many requests are still let through.
    spares: usize,
}

impl Trap {
    pub(crate) fn of(host: &FunctionHost) -> Self {
        Self { host: host.clone(), aim: Arc::default(), deaths: Arc::default() }
    }

    /// From now on, spares so many requests and kills at the next.
    pub(crate) fn aim(&self, kill: Kill, spares: usize) {
        self.deaths.send_replace(0);
        self.aim.send_replace(Some(Aim { kill, spares }));
    }

    /// Takes the trap away; tells whether it has sprung.
    pub(crate) fn take_away(&self) -> bool {
        self.aim.send_replace(None).is_none()
    }

    /// Waits until the function is dead.
    pub(crate) async fn sprung(&self) {
        let _ = self.deaths.subscribe().wait_for(|deaths| *deaths > 0).await;
    }

    /// Judges a request of the function.
    async fn judge(self) -> Verdict {
        let mut due = None;
        self.aim.send_modify(|aim| match aim {
            Some(Aim { spares: 0, kill }) => {
                due = Some(*kill);
                *aim = None;
            }
            Some(aim) => aim.spares -= 1,
            None => {}
        });
        let Some(kill) = due else { return Verdict::Pass };
        let dies = async move {
            self.host.kill_all().await;
            self.deaths.send_modify(|deaths| *deaths += 1);
        };
        // On a task of its own: a dead caller's request is given up, and its verdict with it.
        match kill {
            Kill::Before => {
                let _ = tokio::spawn(dies).await;
                Verdict::Refuse(Refusal::UNAVAILABLE)
            }
            Kill::After => Verdict::Then(Box::pin(async move {
                let _ = tokio::spawn(dies).await;
            })),
        }
    }
}

/// Tells whether pull made a request; if not, deliver did, or the mapping between queue and function.
fn is_pulls(call: &Call) -> bool {
    let body = String::from_utf8_lossy(&call.body);
    match call.operation.as_str() {
        "SendMessageBatch" | "BatchGetItem" | "TransactWriteItems" => true,
        "UpdateItem" => {
            let notes = body.contains("\":state\":{\"S\":\"queued\"}");
            notes || body.contains("\"scheme#") || body.contains("\"pace#12345678\"")
        }
        _ => false,
    }
}

/// Sends the requests that `mine` picks out through the trap.
pub(crate) fn watch_over(world: &World, trap: &Trap, mine: fn(&Call) -> bool) {
    let judge = |trap: Trap| {
        move |call: Call| {
            let trap = mine(&call).then(|| trap.clone());
            async move {
                match trap {
                    Some(trap) => trap.judge().await,
                    None => Verdict::Pass,
                }
            }
        }
    };
    world.disturb_tables(judge(trap.clone()));
    world.disturb_queue(judge(trap.clone()));
}

/// Orders that were completed within the last minute, one every second.
pub(crate) fn just_now(orders: Vec<WdtOrder>) -> Vec<WdtOrder> {
    let first = BeijingTime::now().plus_seconds(-60);
    orders.into_iter().zip(0..).map(|(order, n)| at(order, first.plus_seconds(n))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_killed_before_or_after_any_request_books_every_order_once() {
    let mut settings = impatient();
    settings.rules.push(("page_size = 100", "page_size = 2".to_owned()));
    let world = World::start(settings).await;
    world.pull().await;
    let trap = Trap::of(world.stack.pull_host());
    watch_over(&world, &trap, is_pulls);
    let mut stock = sold(1_601, 400).into_iter();
    let mut booked = Vec::new();
    for kill in [Kill::Before, Kill::After] {
        let mut spares = 0;
        loop {
            // Three pages; those of earlier rounds are gone, so that every round makes the same requests.
            let orders = just_now(stock.by_ref().take(5).collect());
            world.wdt.add(orders.clone());
            trap.aim(kill, spares);
            let pulled = world.try_pull(&serde_json::json!({ "scheme": dougong_tests::SCHEME })).await;
            let died = trap.take_away();
            assert_eq!(pulled.is_err(), died, "{kill:?} request {spares}: {pulled:?}");
            world.end_lease_of_pull().await;
            let next = world.pull().await;
            assert!(next.complete && !next.held, "{kill:?} request {spares}: {next:?}");
            for order in &orders {
                world.wdt.remove(order.stockout_id);
            }
            booked.extend(orders);
            if !died {
                break;
            }
            spares += 1;
        }
        assert!(spares >= 15, "only {spares} requests were met: the case is not made");
    }
    world.settle().await;
    world.calm();

    world.assert_booked(&booked);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

/// A world whose messages come back a second after their worker's death.
pub(crate) fn quick_returns() -> WorldSettings {
    let mut settings = impatient();
    settings.stack = Box::new(|stack| {
        short_leases(stack);
        stack.visibility = Duration::from_secs(1);
    });
    settings
}

/// Waits until all that deliver began before it died may be taken over.
pub(crate) async fn leases_end(world: &World) {
    world.age_open_documents(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deliver_killed_before_or_after_any_request_books_every_order_once() {
    let world = World::start(quick_returns()).await;
    let trap = Trap::of(world.stack.deliver_host());
    watch_over(&world, &trap, |call| {
        let tables = ["UpdateItem", "PutItem", "GetItem", "ChangeMessageVisibility"];
        tables.contains(&call.operation.as_str()) && !is_pulls(call)
    });
    let mut stock = sold(1_602, 200).into_iter();
    let mut booked = Vec::new();
    for kill in [Kill::Before, Kill::After] {
        let mut spares = 0;
        loop {
            let orders = just_now(stock.by_ref().take(2).collect());
            world.wdt.add(orders.clone());
            // A process that knows no token yet.
            world.stack.deliver_host().kill_all().await;
            trap.aim(kill, spares);
            world.pull().await;
            tokio::select! {
                () = trap.sprung() => {}
                () = world.settle() => {}
            }
            if !trap.take_away() {
                booked.extend(orders);
                break;
            }
            leases_end(&world).await;
            world.settle().await;
            for order in &orders {
                world.wdt.remove(order.stockout_id);
            }
            booked.extend(orders);
            spares += 1;
        }
        assert!(spares >= 6, "only {spares} requests were met: the case is not made");
    }
    world.calm();

    world.assert_booked(&booked);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deliver_killed_during_a_post_books_every_order_once() {
    let world = World::start(quick_returns()).await;
    let mut stock = sold(1_603, 20).into_iter();
    let faults = [
        // BIP has not begun, has finished, or is at it when its caller dies, and finishes nevertheless.
        Fault::Timeout(Strikes::BeforeCommit),
        Fault::Timeout(Strikes::AfterCommit),
        Fault::Slow(Duration::from_millis(700)),
    ];
    for fault in faults {
        let struck = world.bip.faults().log().len();
        let rule = world.bip.add_fault(Rule::on(bip::SAVE, When::Nth(2), fault));
        world.wdt.add(just_now(stock.by_ref().take(4).collect()));
        world.pull().await;
        world.until("BIP is at work", async || world.bip.faults().log().len() > struck).await;
        world.stack.deliver_host().kill_all().await;
        leases_end(&world).await;
        world.settle().await;
        world.bip.faults().remove(rule);
    }

    assert_eq!(world.assert_books_agree(), 12);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}
