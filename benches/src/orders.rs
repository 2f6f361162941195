//! A day of orders from WDT into BIP, through one side's functions.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use dougong_benches::Process;
use dougong_simulators::day;
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{Operation, SCHEME, World, WorldSettings, is_sold};
use dougong_values::BeijingTime;
use serde_json::json;

use crate::side::Side;

/// The seed of the day: every run of every side books the same orders.
const SEED: u64 = 20_261_122;

/// What booking a day cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) pull_cpu: Duration,
    pub(crate) deliver_cpu: Duration,
    pub(crate) wall: Duration,
    /// The most that any process of the function had, in bytes.
    pub(crate) pull_memory: u64,
    pub(crate) deliver_memory: u64,
    pub(crate) document_writes: u64,
    pub(crate) other_writes: u64,
    pub(crate) reads: u64,
    pub(crate) sqs_sends: u64,
    /// Receives (the empty ones too) and deletes of the event source.
    pub(crate) sqs_of_lambda: u64,
    pub(crate) bip_calls: u64,
    pub(crate) wdt_calls: u64,
}

/// Books so many orders of yesterday.
///
/// # Panics
/// If not every order is booked once, to the cent.
pub(crate) async fn run(side: &Side, orders: usize) -> Result<Run, String> {
    let yesterday = BeijingTime::now().plus_seconds(-86_400).day();
    let mut settings = WorldSettings::from(yesterday.start());
    settings.functions = Some([side.pull.clone(), side.deliver.clone()]);
    let env = side.env.clone();
    settings.stack = Box::new(move |stack| stack.env.extend(env));
    let world = World::start(settings).await;
    let day = day::orders(SEED, orders + orders / 4 + 10, yesterday);
    world.wdt.add(day.into_iter().filter(is_sold).take(orders).collect::<Vec<WdtOrder>>());

    let began = Instant::now();
    let event = json!({ "scheme": SCHEME }).to_string();
    world.stack.pull(&event).await.map_err(|error| format!("the pull failed: {error}"))?;
    world.settle().await;
    let wall = began.elapsed();
    world.assert_books_agree();

    let (pull_cpu, pull_memory) = cost(&side.pull);
    let (deliver_cpu, deliver_memory) = cost(&side.deliver);
    let (tables, queue) = (world.tables.counts(), world.queue.counts());
    let documents = &world.stack.tables().documents;
    let sum = |wanted: &dyn Fn(&Operation) -> bool| -> u64 {
        tables.iter().filter(|(operation, _)| wanted(operation)).map(|(_, count)| count).sum()
    };
    let is_read = |operation: &Operation| {
        matches!(operation.name.as_str(), "GetItem" | "BatchGetItem" | "Query" | "Scan")
    };
    let sends: u64 = queue
        .iter()
        .filter(|(operation, _)| operation.name.starts_with("Send"))
        .map(|(_, count)| count)
        .sum();
    let run = Run {
        pull_cpu,
        deliver_cpu,
        wall,
        pull_memory,
        deliver_memory,
        document_writes: sum(&|operation| operation.table == *documents && !is_read(operation)),
        other_writes: sum(&|operation| operation.table != *documents && !is_read(operation)),
        reads: sum(&is_read),
        sqs_sends: sends,
        sqs_of_lambda: queue.values().sum::<u64>() - sends,
        bip_calls: world.bip.calls().len() as u64,
        wdt_calls: world.wdt.calls().len() as u64,
    };
    world.stop().await;
    Ok(run)
}

/// The processor time of all living processes of a function, and the peak memory of the largest.
fn cost(command: &[OsString]) -> (Duration, u64) {
    let processes = Process::children(command);
    let cpu = processes.iter().map(|process| process.cpu()).sum();
    (cpu, processes.iter().map(|process| process.peak_memory()).max().unwrap_or_default())
}
