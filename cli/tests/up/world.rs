//! A world for `dougong up`: simulated WDT and BIP, a configuration, and the real program between them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dougong_simulators::wdt::{Door, WdtOrder};
use dougong_simulators::{bip, day, wdt};
use dougong_values::{BeijingTime, BusinessDay};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(150);

/// What must be found in no log and no output.
const CANARIES: [&str; 3] = ["CANARY-PERSON", "CANARY-WDT-SECRET", "CANARY-BIP-SECRET"];

pub(crate) struct World {
    pub(crate) wdt: wdt::Simulator,
    pub(crate) bip: bip::Simulator,
    folder: TempDir,
    calls_per_minute: u32,
}

impl World {
    /// Starts both simulators; BIP may be called so often a minute.
    pub(crate) async fn start(calls_per_minute: u32) -> Self {
        let wdt = wdt::Settings {
            calls_per_minute: None,
            canary: Some(CANARIES[0].to_owned()),
            qimen_secret: CANARIES[1].to_owned(),
            ..wdt::Settings::default()
        };
        let bip = bip::Settings {
            calls_per_minute: None,
            app_secret: CANARIES[2].to_owned(),
            ..bip::Settings::default()
        };
        let (wdt, bip) =
            (wdt::Simulator::start(wdt).await.unwrap(), bip::Simulator::start(bip).await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let world = Self { wdt, bip, folder, calls_per_minute };
        world.write_files();
        world
    }

    fn write_files(&self) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        let config = self.path("config");
        fs::create_dir_all(config.join("tables")).unwrap();
        for entry in fs::read_dir(shipped.join("tables")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), config.join("tables").join(entry.file_name())).unwrap();
        }
        // A simulator answers at once or never: nobody learns anything from waiting longer for "never".
        let rules = fs::read_to_string(shipped.join("dougong.toml")).unwrap();
        let impatient = rules
            .lines()
            .map(|line| match line.split_once('=') {
                Some((key, _)) if key.trim_end().ends_with("_timeout") => format!("{key}= \"2s\"\n"),
                _ => format!("{line}\n"),
            })
            .collect::<String>();
        fs::write(config.join("dougong.toml"), impatient).unwrap();
        let (wdt, bip) = (self.wdt.settings(), self.bip.settings());
        let secrets = json!({
            "wdt": { "app_key": wdt.qimen_app_key, "app_secret": wdt.qimen_secret },
            "bip": { "app_key": bip.app_key, "app_secret": bip.app_secret },
        });
        fs::write(self.path("secrets.json"), secrets.to_string()).unwrap();
        fs::set_permissions(self.path("secrets.json"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ships and completes orders of yesterday that the shipped configuration books.
    pub(crate) fn ship(&self, seed: u64, count: usize) -> Vec<WdtOrder> {
        self.ship_on(yesterday(), seed, count)
    }

    /// Ships and completes orders of a day that the shipped configuration books.
    pub(crate) fn ship_on(&self, day: BusinessDay, seed: u64, count: usize) -> Vec<WdtOrder> {
        let sold = |order: &WdtOrder| {
            order.status == 110
                && [1, 2, 4].contains(&order.trade_type)
                && ![3, 4].contains(&order.refund_status)
                && order.flaw.is_none()
        };
        let orders = day::orders(seed, count * 2 + 20, day);
        let orders: Vec<WdtOrder> = orders.into_iter().filter(sold).take(count).collect();
        assert_eq!(orders.len(), count);
        self.wdt.add(orders.clone());
        orders
    }

    /// Returns the program with everything it needs, in a process group of its own as a shell would start it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dougong"));
        self.equip(&mut command);
        command
    }

    /// Gives a command the arguments and variables of `up`.
    pub(crate) fn equip(&self, command: &mut Command) {
        command.args(["up", "--every", "1s", "--json", "--lang", "en"]);
        for (option, name) in [("--config", "config"), ("--data", "data"), ("--secrets", "secrets.json")] {
            command.arg(option).arg(self.path(name));
        }
        self.surround(command);
        command.process_group(0);
    }

    /// Gives a command the variables of the configuration.
    pub(crate) fn surround(&self, command: &mut Command) {
        let settings = self.wdt.settings();
        command
            .env("DOUGONG_TENANT", "shanjian")
            .env("DOUGONG_WDT_URL", self.wdt.url(Door::Qimen))
            .env("DOUGONG_WDT_SID", &settings.sid)
            .env("DOUGONG_WDT_TARGET_APP_KEY", &settings.target_app_key)
            .env("DOUGONG_WDT_CALLS_PER_MINUTE", "60000")
            .env("DOUGONG_BIP_TOKEN_URL", self.bip.token_url())
            .env("DOUGONG_BIP_GATEWAY_URL", self.bip.gateway_url())
            .env("DOUGONG_BIP_CALLS_PER_MINUTE", self.calls_per_minute.to_string())
            .env("DOUGONG_ONLINE_SALES_START", yesterday().start().to_string())
            .env("DOUGONG_ONLINE_SALES_LAG", "0s");
    }

    /// Starts the program and waits until it runs.
    pub(crate) async fn up(&self) -> Up {
        self.up_as(self.command()).await
    }

    pub(crate) async fn up_as(&self, command: Command) -> Up {
        let up = Up::spawn(command);
        up.event("it has started", |event| event["event"] == "started").await;
        up
    }

    /// Waits until BIP has so many orders.
    pub(crate) async fn until_booked(&self, orders: usize) {
        until(&format!("{orders} orders are booked"), || self.bip.order_count() >= orders).await;
    }

    /// Checks that exactly these orders are in BIP, each once and to the cent.
    #[track_caller]
    pub(crate) fn assert_booked_once_each(&self, orders: &[WdtOrder]) {
        let vouchers = self.bip.orders();
        for order in orders {
            let booked: Vec<_> =
                vouchers.iter().filter(|voucher| voucher.code == order.stockout_no).collect();
            let amounts: Vec<_> = booked.iter().map(|voucher| voucher.pay_money).collect();
            assert_eq!(amounts, [order.expected_gross()], "stockout {}", order.stockout_id);
        }
        assert_eq!(vouchers.len(), orders.len());
    }

    /// Reads every log file.
    pub(crate) fn logs(&self) -> Vec<(PathBuf, String)> {
        let files = fs::read_dir(self.path("data/logs")).unwrap().map(|entry| entry.unwrap().path());
        files.map(|file| (file.clone(), fs::read_to_string(&file).unwrap())).collect()
    }
}

/// Searches logs and output for secrets and personal data.
#[track_caller]
pub(crate) fn assert_no_secret_in(text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

fn yesterday() -> BusinessDay {
    BeijingTime::now().plus_seconds(-86_400).day()
}

/// A running `dougong up`. One that a test leaves behind is killed.
pub(crate) struct Up {
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Up {
    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (out, heard) = (child.stdout.take().unwrap(), Arc::clone(&events));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                assert_no_secret_in(&line);
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
        });
        Self { child, events }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for an event.
    pub(crate) async fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = || self.events().into_iter().find(|event| wanted(event));
        until(what, || found().is_some()).await;
        found().unwrap()
    }

    /// Returns the processes of the functions.
    pub(crate) fn functions(&self) -> Vec<u32> {
        children(self.pid())
    }

    /// Kills the program alone, as the kernel does when memory is short, and waits until it is dead.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end and returns the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let child = Mutex::new(&mut self.child);
        let status = || child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().unwrap();
        until("the program has ended", || status().is_some()).await;
        status().unwrap().code()
    }

    /// Stops the program as a service manager does and returns the exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        signal("TERM", &self.pid().to_string());
        self.ended().await
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process, or with `-` before the number to a process group.
pub(crate) fn signal(name: &str, target: &str) {
    let sent = Command::new("kill").args(["-s", name, "--", target]).status().unwrap();
    assert!(sent.success(), "cannot send {name} to {target}");
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The state and the parent of a process; `None` when there is none, or only its exit status is left.
fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?)).filter(|(state, _)| *state != 'Z')
}

pub(crate) fn is_alive(pid: u32) -> bool {
    state_and_parent(pid).is_some()
}

fn children(parent: u32) -> Vec<u32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes.filter(|pid| state_and_parent(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// Tells whether a process is the function of that name.
pub(crate) fn is_function(pid: u32, name: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().ends_with(format!("\0{name}\0").as_bytes())
}
