//! The stack of `template.yaml` on one machine: two tables, the order queue with its dead-letter queue, the functions
//! `pull` and `deliver`, the mapping between queue and `deliver`, and the schedules of `pull`; `sweep` and `reconcile` with
//! theirs; with a store system also `accept` behind its gateway; where somebody looks, `console` behind another one.

mod console;
mod scheduled;
mod store;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use dougong_ledger::{LedgerError, TableNames, schema};
use serde_json::json;

pub use self::console::{ConsoleSettings, ConsoleSide};
use self::scheduled::Scheduled;
pub use self::scheduled::ScheduledSettings;
pub use self::store::{StoreSettings, StoreSide};
use crate::event_source::{EventSourceMapping, Settings};
use crate::function::{Function, FunctionHost, Invocation, InvokeError};
use crate::sqs::queue_arn;
use crate::{DynamoDb, LogSink, REGION, Schedule, Sqs, StartError, Storage, TEST_ACCESS_KEY, Timing};

/// The name of the queue between `pull` and `deliver`.
const ORDERS_QUEUE: &str = "orders";

/// The name of the queue for what `deliver` could not even record.
const DEAD_LETTER_QUEUE: &str = "orders-dead";

/// How many `pull`s may run at once: schedules, a backfill and an operator's own. The ledger's leases keep them apart.
const PULL_ENVIRONMENTS: usize = 4;

/// How many runs of `reconcile` may be at work: the schedule's and an operator's own.
const RECONCILE_ENVIRONMENTS: usize = 2;

/// How long an idle stack may have been idle before it is noticed, when nothing else tells: a message that moves to
/// the dead-letter queue makes no call.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What differs between one stack and another.
#[derive(Debug, Clone)]
pub struct StackSettings {
    /// Where the tables live.
    pub storage: Storage,
    /// Whether the queues' messages are kept where the tables live, and outlive the process with them.
    pub keep_messages: bool,
    /// The program of `pull` and its arguments.
    pub pull: Vec<OsString>,
    /// The program of `deliver` and its arguments.
    pub deliver: Vec<OsString>,
    /// The folder with `dougong.toml` and `tables/`.
    pub config_dir: PathBuf,
    /// The file with the secrets.
    pub secrets_file: PathBuf,
    /// Further environment variables of every function, such as the addresses of WDT and BIP.
    pub env: BTreeMap<String, String>,
    /// How long one `pull` may take.
    pub pull_timeout: Duration,
    /// How long one batch of `deliver` may take.
    pub deliver_timeout: Duration,
    /// How messages are put together for `deliver`.
    pub batches: Settings,
    /// How long a message that `deliver` did not finish stays invisible, in whole seconds. AWS asks for at least the
    /// timeout and advises six times as much.
    pub visibility: Duration,
    /// How often a message is received before it goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// When `pull` runs, and its event each time.
    pub schedules: Vec<(Timing, String)>,
    /// The functions of the store system; `None` for a stack without one.
    pub store: Option<StoreSettings>,
    /// The function `sweep` of a stack without a store system; one with a store system has its own.
    pub sweep: Option<ScheduledSettings>,
    /// The function `reconcile`; `None` for a stack whose days nobody compares.
    pub reconcile: Option<ScheduledSettings>,
    /// The page; `None` for a stack that nobody looks at.
    pub console: Option<ConsoleSettings>,
    /// Takes what the functions print.
    pub log: LogSink,
}

impl StackSettings {
    /// The memory of every function, in MB.
    pub const MEMORY_MB: u32 = 256;

    /// Returns the settings of `template.yaml`, in memory, without schedules and with silent functions.
    pub fn new(pull: Vec<OsString>, deliver: Vec<OsString>, config_dir: &Path, secrets_file: &Path) -> Self {
        let deliver_timeout = Duration::from_mins(2);
        Self {
            storage: Storage::Memory,
            keep_messages: false,
            pull,
            deliver,
            config_dir: config_dir.to_owned(),
            secrets_file: secrets_file.to_owned(),
            env: BTreeMap::new(),
            pull_timeout: Duration::from_mins(5),
            deliver_timeout,
            batches: Settings {
                batch_size: 10,
                batching_window: Duration::from_secs(1),
                maximum_concurrency: 3,
            },
            visibility: 6 * deliver_timeout,
            max_receive_count: 1_000,
            schedules: Vec::new(),
            store: None,
            sweep: None,
            reconcile: None,
            console: None,
            log: LogSink::silent(),
        }
    }
}

/// A stack that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// An emulated service did not start.
    #[error("cannot start the local cloud")]
    Start(#[from] StartError),
    /// A table could not be created.
    #[error("cannot create the tables")]
    Tables(#[from] LedgerError),
    /// A queue could not be created.
    #[error("cannot create the queue {name}: {problem}")]
    Queue {
        /// Its name.
        name: &'static str,
        /// What SQS said.
        problem: String,
    },
    /// A relative path cannot be made absolute, because the working folder is gone.
    #[error("cannot find {path}")]
    Path {
        /// The path as given.
        path: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// How many requests the two services got, by operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requests {
    /// Towards DynamoDB.
    pub dynamodb: BTreeMap<String, u64>,
    /// Towards SQS, the mapping's own included, as on a bill.
    pub sqs: BTreeMap<String, u64>,
}

/// A running stack. Everything ends when it is dropped; [`Stack::stop`] ends it gently.
#[derive(Debug)]
pub struct Stack {
    store: Option<StoreSide>,
    sweeper: Option<Scheduled>,
    reconciler: Option<Scheduled>,
    console: Option<ConsoleSide>,
    schedules: Vec<Schedule>,
    mapping: EventSourceMapping,
    pull: FunctionHost,
    deliver: FunctionHost,
    tables: TableNames,
    orders_queue: String,
    dead_letter_queue: String,
    environment: BTreeMap<String, String>,
    put_back: usize,
    sqs: Sqs,
    dynamodb: DynamoDb,
}

impl Stack {
    /// Starts everything. The functions' processes start with their first event.
    pub async fn start(settings: StackSettings) -> Result<Self, StackError> {
        let dynamodb = DynamoDb::start(settings.storage.clone()).await?;
        let tables = TableNames {
            watermarks: "dougong-watermarks".to_owned(),
            documents: "dougong-documents".to_owned(),
        };
        schema::create_missing(&dynamodb.client(), &tables).await?;
        let sqs =
            if settings.keep_messages { Sqs::start_kept(&dynamodb).await? } else { Sqs::start().await? };
        let (orders_queue, dead_letter_queue) = create_queues(&sqs, &settings).await?;
        // A dead letter gets another chance: what could not be read may be readable for this version.
        let put_back = sqs.put_back(|_queue| Some(orders_queue.clone())).await?;
        // What it takes to set a stack up is nobody's cost per order.
        dynamodb.traffic().reset();
        sqs.traffic().reset();

        let mut env = settings.env.clone();
        let mut set = |name: &str, value: &str| env.insert(name.to_owned(), value.to_owned());
        set("DOUGONG_WATERMARKS_TABLE", &tables.watermarks);
        set("DOUGONG_DOCUMENTS_TABLE", &tables.documents);
        set("DOUGONG_ORDERS_QUEUE_URL", &orders_queue);
        set("DOUGONG_SECRETS", &absolute(&settings.secrets_file)?);
        set("DOUGONG_CONFIG", &absolute(&settings.config_dir)?);
        set("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint());
        set("AWS_ENDPOINT_URL_SQS", sqs.endpoint());

        let function = |name: &str, command: &[OsString], timeout, max_environments| Function {
            name: name.to_owned(),
            command: command.to_vec(),
            env: env.clone(),
            timeout,
            max_environments,
            memory_mb: StackSettings::MEMORY_MB,
        };
        let pull = function("pull", &settings.pull, settings.pull_timeout, PULL_ENVIRONMENTS);
        let pull = FunctionHost::start(pull, settings.log.clone());
        let concurrency = settings.batches.maximum_concurrency;
        let deliver = function("deliver", &settings.deliver, settings.deliver_timeout, concurrency);
        let deliver = FunctionHost::start(deliver, settings.log.clone());
        let store = match &settings.store {
            Some(store) => {
                let timeout = store.accept_timeout;
                let accept = function("accept", &store.accept, timeout, store.accept_environments);
                let sweep = function("sweep", &store.sweep, store.sweep_timeout, store::SWEEP_ENVIRONMENTS);
                let start = |function| FunctionHost::start(function, settings.log.clone());
                Some(StoreSide::start(store, start(accept), start(sweep)).await?)
            }
            None => None,
        };
        let on_time = |name: &str, own: &ScheduledSettings, environments| {
            let host = function(name, &own.program, own.timeout, environments);
            Scheduled::start(own, FunctionHost::start(host, settings.log.clone()))
        };
        let sweep = settings.sweep.as_ref().filter(|_| store.is_none());
        let sweeper = sweep.map(|own| on_time("sweep", own, store::SWEEP_ENVIRONMENTS));
        let reconcile = settings.reconcile.as_ref();
        let reconciler = reconcile.map(|own| on_time("reconcile", own, RECONCILE_ENVIRONMENTS));
        let console = match &settings.console {
            Some(console) => {
                let own = function("console", &console.program, console.timeout, console::ENVIRONMENTS);
                let host = FunctionHost::start(own, settings.log.clone());
                Some(ConsoleSide::start(console, host).await?)
            }
            None => None,
        };
        let mapping =
            EventSourceMapping::start(sqs.client(), orders_queue.clone(), deliver.clone(), settings.batches);
        let schedule = |(timing, event)| Schedule::start(pull.clone(), timing, event);
        let schedules = settings.schedules.into_iter().map(schedule).collect();
        Ok(Self {
            store,
            sweeper,
            reconciler,
            console,
            schedules,
            mapping,
            pull,
            deliver,
            tables,
            orders_queue,
            dead_letter_queue,
            environment: as_a_function_sees_it(env),
            put_back,
            sqs,
            dynamodb,
        })
    }

    /// Runs `pull` once on an event (JSON) and waits for it.
    pub async fn pull(&self, event: &str) -> Result<Invocation, InvokeError> {
        self.pull.invoke(event.to_owned()).await
    }

    /// Returns the host of `pull`.
    pub fn pull_host(&self) -> &FunctionHost {
        &self.pull
    }

    /// Returns the host of `deliver`.
    pub fn deliver_host(&self) -> &FunctionHost {
        &self.deliver
    }

    /// Returns the store side, if the stack has one.
    pub fn store(&self) -> Option<&StoreSide> {
        self.store.as_ref()
    }

    /// Returns the page, if the stack has one.
    pub fn console(&self) -> Option<&ConsoleSide> {
        self.console.as_ref()
    }

    /// Returns the host of `sweep`, if the stack has one.
    pub fn sweep_host(&self) -> Option<&FunctionHost> {
        let own = self.sweeper.as_ref().map(Scheduled::host);
        own.or_else(|| self.store.as_ref().map(StoreSide::sweep_host))
    }

    /// Returns the host of `reconcile`, if the stack has one.
    pub fn reconcile_host(&self) -> Option<&FunctionHost> {
        self.reconciler.as_ref().map(Scheduled::host)
    }

    /// Returns the schedules of `pull`, in the order of the settings.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// Returns the stack's DynamoDB.
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.dynamodb
    }

    /// Returns the names of the tables.
    pub fn tables(&self) -> &TableNames {
        &self.tables
    }

    /// Returns the stack's SQS.
    pub fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// Returns the URL of the queue between `pull` and `deliver`.
    pub fn orders_queue(&self) -> &str {
        &self.orders_queue
    }

    /// Returns the URL of the queue for what `deliver` could not even record.
    pub fn dead_letter_queue(&self) -> &str {
        &self.dead_letter_queue
    }

    /// Returns what every function is started with, the region and keys of this cloud included: whoever has these
    /// variables reaches the stack as the functions do.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Returns how many messages of an earlier process, dead letters included, were put back into the order queue.
    pub fn put_back(&self) -> usize {
        self.put_back
    }

    /// Waits until the order queue holds nothing (delayed messages and those in flight included) and no function
    /// has anything to do. Without a bound: a message that keeps failing keeps it waiting until it is dead.
    pub async fn idle(&self) {
        let mut answered = self.sqs.traffic().answered();
        let (mut pulls, mut deliveries) = (self.pull.watch_open_events(), self.deliver.watch_open_events());
        loop {
            answered.mark_unchanged();
            pulls.mark_unchanged();
            deliveries.mark_unchanged();
            if self.is_idle().await {
                return;
            }
            tokio::select! {
                _ = answered.changed() => {}
                _ = pulls.changed() => {}
                _ = deliveries.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Returns the bodies of the dead letters, which stay where they are.
    pub async fn dead_letters(&self) -> Vec<String> {
        self.sqs.peek(&self.dead_letter_queue).await
    }

    /// Returns how many requests the functions and the mapping have made.
    pub fn requests(&self) -> Requests {
        Requests { dynamodb: self.dynamodb.traffic().counts(), sqs: self.sqs.traffic().counts() }
    }

    /// Ends gently: no more schedules, no more polling, then `grace` for what is at work, then the processes.
    pub async fn stop(self, grace: Duration) {
        drop(self.schedules);
        if let Some(console) = self.console {
            console.stop(grace).await;
        }
        if let Some(store) = self.store {
            store.stop(grace).await;
        }
        for scheduled in [self.sweeper, self.reconciler].into_iter().flatten() {
            scheduled.stop(grace).await;
        }
        let ((), ()) = tokio::join!(self.mapping.stop(grace), self.pull.stop(grace));
        self.deliver.stop(grace).await;
    }

    async fn is_idle(&self) -> bool {
        // Functions before the queue: what a function that has just ended has sent is in the queue by then.
        let store = self.store.as_ref().map_or(0, StoreSide::open_events);
        let sweeps = self.sweeper.as_ref().map_or(0, Scheduled::open_events);
        if store + sweeps + self.pull.open_events() + self.deliver.open_events() > 0 {
            return false;
        }
        self.sqs.depth(&self.orders_queue).await.is_none_or(crate::QueueDepth::is_empty)
    }
}

/// Adds what a function's role and region give.
fn as_a_function_sees_it(mut environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let (key_id, key_secret) = TEST_ACCESS_KEY;
    for (name, value) in
        [("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", key_id), ("AWS_SECRET_ACCESS_KEY", key_secret)]
    {
        environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    environment
}

async fn create_queues(sqs: &Sqs, settings: &StackSettings) -> Result<(String, String), StackError> {
    let dead = create_queue(sqs, DEAD_LETTER_QUEUE, BTreeMap::new()).await?;
    let redrive = json!({
        "deadLetterTargetArn": queue_arn(&dead),
        "maxReceiveCount": settings.max_receive_count,
    });
    let attributes = BTreeMap::from([
        ("VisibilityTimeout", settings.visibility.as_secs().to_string()),
        ("RedrivePolicy", redrive.to_string()),
    ]);
    let orders = create_queue(sqs, ORDERS_QUEUE, attributes).await?;
    Ok((orders, dead))
}

async fn create_queue(
    sqs: &Sqs,
    name: &'static str,
    attributes: BTreeMap<&str, String>,
) -> Result<String, StackError> {
    let mut request = sqs.client().create_queue().queue_name(name);
    for (attribute, value) in attributes {
        request = request.attributes(QueueAttributeName::from(attribute), value);
    }
    let problem = |problem: String| StackError::Queue { name, problem };
    let created = request
        .send()
        .await
        .map_err(|error| problem(aws_sdk_sqs::error::DisplayErrorContext(error).to_string()))?;
    created.queue_url.ok_or_else(|| problem("it was given no address".to_owned()))
}

fn absolute(path: &Path) -> Result<String, StackError> {
    let absolute = std::path::absolute(path);
    let absolute =
        absolute.map_err(|source| StackError::Path { path: path.display().to_string(), source })?;
    Ok(absolute.display().to_string())
}
