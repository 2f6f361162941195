//! A chain of stores beside a world: the simulated store system, `accept` behind the gateway, `sweep`.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use dougong_cloud::{StackSettings, StoreSettings, StoreSide};
use dougong_ledger::{Attention, Document, State};
use dougong_simulators::day::StorePlan;
use dougong_simulators::store::push::{PushSettings, Pusher};
use dougong_simulators::store::{self, Auth, AuthPreset, BillKind, Drain, StoreBill};
use dougong_tests::{World, WorldSettings};
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, DocumentKind};
use serde_json::{Value, json};
use tokio::sync::RwLock;

/// The secret that both sides know.
pub(crate) const SECRET: &str = "CANARY-STORE-SECRET-0b7e";

/// What differs between one chain and another.
pub(crate) struct ChainSettings {
    pub(crate) auth: AuthPreset,
    pub(crate) drain: Drain,
    pub(crate) batch_size: usize,
    /// Sales come in batches, too.
    pub(crate) sale_batches: bool,
    /// The platform names the number of what it is told.
    pub(crate) announced_are_named: bool,
    /// No other chain of this process runs meanwhile: it is measured.
    pub(crate) alone: bool,
    /// How many pushes are worked on at once.
    pub(crate) accept_environments: usize,
    /// More changes to the stack.
    pub(crate) stack: Box<dyn FnOnce(&mut StackSettings) + Send>,
}

impl Default for ChainSettings {
    fn default() -> Self {
        Self {
            auth: AuthPreset::UrlToken,
            drain: Drain::Repeats,
            batch_size: 100,
            sale_batches: false,
            announced_are_named: true,
            alone: false,
            accept_environments: 4,
            stack: Box::new(|_| ()),
        }
    }
}

/// Held by every running chain: shared, or by one that wants to be alone.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// A running chain.
pub(crate) struct Chain {
    _turn: Box<dyn Send>,
    pub(crate) world: World,
    pub(crate) store: store::Simulator,
    pub(crate) auth: Auth,
}

/// The day before today.
pub(crate) fn yesterday() -> BusinessDay {
    BeijingTime::now().plus_seconds(-86_400).day()
}

/// Bills of yesterday: `count` requests, and as many of the other kinds as `plan` sets.
pub(crate) fn bills(seed: u64, plan: impl FnOnce(&mut StorePlan)) -> Vec<StoreBill> {
    let mut of_day = StorePlan::new(seed, 0, yesterday());
    plan(&mut of_day);
    of_day.generate()
}

/// Returns the key of a bill's document; sales have another.
pub(crate) fn key(bill: &StoreBill) -> DocumentKey {
    let kind = match bill.kind {
        BillKind::Declare => DocumentKind::Declare,
        BillKind::Receipt => DocumentKind::Receipt,
        BillKind::Return => DocumentKind::Return,
        BillKind::Outbound => DocumentKind::Outbound,
        BillKind::Sale => {
            let (day, store) = (bill.day.to_string(), bill.to.uid.to_string());
            return DocumentKey::bill(DocumentKind::Sale, &[&store, &day, &bill.number]);
        }
    };
    DocumentKey::bill(kind, &[&bill.number])
}

pub(crate) fn function(name: &str) -> OsString {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is not built (hint: cargo build --workspace)", program.display());
    program.into_os_string()
}

impl Chain {
    pub(crate) async fn start(settings: ChainSettings) -> Self {
        let turn: Box<dyn Send> =
            if settings.alone { Box::new(MACHINE.write().await) } else { Box::new(MACHINE.read().await) };
        let auth = Auth::new(settings.auth, SECRET);
        let store = store::Simulator::start(store::Settings {
            auth: auth.clone(),
            drain: settings.drain,
            batch_size: settings.batch_size,
            sale_batches: settings.sale_batches,
            announced_are_named: settings.announced_are_named,
            ..store::Settings::default()
        });
        let store = store.await.unwrap();
        let url = store.url();
        let preset = match settings.auth {
            AuthPreset::None => "none",
            AuthPreset::UrlToken => "url",
            AuthPreset::HeaderToken => "header",
            AuthPreset::SortedMd5 => "md5",
            AuthPreset::HmacSha256 => "hmac-sha256",
        };
        let mut world = WorldSettings::from(yesterday().start());
        // The examples count in 本, which is no unit of ours.
        world.rules = vec![("unknown_unit = \"park\"", "unknown_unit = \"main\"".to_owned())];
        for head in
            ["memo = \"{store_name} {billno} {source_no}\" }", "\"SR01\", memo = \"{store_name} {billno}\" }"]
        {
            world.rules.push((head, format!("{head}\nlines.unknown_unit = \"main\"")));
        }
        world.stack = Box::new(move |stack| {
            add_examples(&stack.config_dir.join("tables"));
            for (name, value) in [
                ("DOUGONG_STORE_URL", url.as_str()),
                ("DOUGONG_STORE_INCOMING_AUTH", preset),
                ("DOUGONG_STORE_OUTGOING_AUTH", preset),
                ("DOUGONG_STORE_CALLS_PER_MINUTE", "60000"),
            ] {
                stack.env.insert(name.to_owned(), value.to_owned());
            }
            let text = fs::read_to_string(&stack.secrets_file).unwrap();
            let mut secrets: Value = serde_json::from_str(&text).unwrap();
            secrets["store"] = json!({ "secrets": [SECRET] });
            fs::write(&stack.secrets_file, secrets.to_string()).unwrap();
            let mut of_store = StoreSettings::new(vec![function("accept")], vec![function("sweep")]);
            of_store.accept_environments = settings.accept_environments;
            of_store.sweep_timeout = Duration::from_mins(2);
            stack.store = Some(of_store);
            (settings.stack)(stack);
        });
        let world = World::start(world).await;
        Self { _turn: turn, world, store, auth }
    }

    pub(crate) fn side(&self) -> &StoreSide {
        self.world.stack.store().unwrap()
    }

    /// The platform's settings for pushing here.
    pub(crate) fn pushing(&self) -> PushSettings {
        PushSettings {
            timeout: Duration::from_secs(20),
            ..PushSettings::new(&self.side().url(), self.auth.clone())
        }
    }

    pub(crate) fn pusher(&self) -> Pusher {
        Pusher::new(self.pushing()).unwrap()
    }

    /// Runs sweep on an event.
    pub(crate) async fn try_sweep(&self, event: &Value) -> Result<Value, dougong_cloud::InvokeError> {
        let invocation = self.side().sweep(&event.to_string()).await?;
        Ok(serde_json::from_slice(&invocation.payload).unwrap())
    }

    pub(crate) async fn sweep(&self, event: &Value) -> Value {
        self.try_sweep(event).await.unwrap_or_else(|error| panic!("{event}: the sweep failed: {error}"))
    }

    pub(crate) async fn document(&self, key: &DocumentKey) -> Option<Document> {
        self.world.ledger.document(key, now_ms()).await.unwrap()
    }

    /// Fails unless every bill is booked once, and nothing else is, and nothing is parked.
    pub(crate) async fn assert_each_booked_once(&self, bills: &[StoreBill]) {
        self.world.settle().await;
        for bill in bills {
            let document = self.document(&key(bill)).await;
            let state = document.as_ref().map(|document| document.state);
            assert_eq!(state, Some(State::Posted), "{}: {document:?}", key(bill));
        }
        let vouchers = self.world.bip.order_count() + self.world.bip.returns().len();
        assert_eq!(vouchers, bills.len(), "a voucher too many or too few");
        self.assert_nothing_needs_a_person().await;
        assert!(self.world.stack.dead_letters().await.is_empty());
    }

    pub(crate) async fn assert_nothing_needs_a_person(&self) {
        for kind in Attention::ALL {
            let rows = self.world.ledger.attention(kind, None, None).await.unwrap().rows;
            assert!(rows.is_empty(), "{rows:?}");
        }
    }

    /// Ends the chain; no secret may be in anything it leaves behind.
    pub(crate) async fn end(self) {
        let leaked: Vec<String> = self.world.log().into_iter().filter(|line| line.contains(SECRET)).collect();
        assert!(leaked.is_empty(), "the secret leaked: {leaked:?}");
        self.world.end().await;
    }
}

pub(crate) fn now_ms() -> i64 {
    BeijingTime::now().epoch_seconds() * 1_000
}

/// Adds the store, the goods and the warehouse of the vendor's examples to the shipped tables.
fn add_examples(tables: &Path) {
    let add = |name: &str, row: &str| {
        let table = tables.join(name);
        let text = fs::read_to_string(&table).unwrap();
        fs::write(&table, format!("{}\n{row}\n", text.trim_end())).unwrap();
    };
    add("stores.csv", "001,湘阴一店,1,own,CUST-S0101,,ORG01,,ORG01,WH-S0101,,,,,");
    add("goods.csv", "001,BooK,P-0001,SKU-0001,VAT13,PCS,,,,,,,,,,1");
    add("warehouses.csv", "WH09,湘阴一店,ORG01,WH001,001,1");
}
