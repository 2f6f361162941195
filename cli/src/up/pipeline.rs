//! What runs: the functions, their schedules, and how long each may take.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use dougong_cloud::gateway::Source;
use dougong_cloud::{
    ConsoleSettings, LogSink, ScheduledSettings, Stack, StackSettings, Storage, StoreSettings, Timing,
};
use dougong_config::Config;
use dougong_ledger::{Ledger, LedgerError};
use dougong_values::{BeijingTime, SchemeId};
use serde_json::json;

use super::check::Checked;
use super::folder::DataFolder;
use crate::arguments::UpArguments;

/// What a batch of `deliver` needs besides its calls to BIP: mapping, ledger, winding up.
const AROUND_THE_CALLS: Duration = Duration::from_secs(15);
/// The most calls that a batch waits for: ten orders, each looked up and sent.
const CALLS_OF_A_BATCH: u32 = 20;
/// What a `pull` has besides two calls that take all the time they may. It goes on with its next run anyway.
const AROUND_THE_PAGES: Duration = Duration::from_mins(1);
/// The longest that Lambda gives a function: a sweep of many stores takes its time, and goes on with its next run.
const SWEEP_TIMEOUT: Duration = Duration::from_mins(15);
/// The longest that Lambda gives a function: a day of a hundred thousand orders takes as long at WDT's and BIP's paces.
const RECONCILE_TIMEOUT: Duration = Duration::from_mins(15);
/// How often waiting orders are looked at; when they are put together says the configuration.
const CLOSE_EVERY: Duration = Duration::from_mins(15);
/// A document's lease outlives its worker by 5 seconds; its message comes back a moment later.
const AFTER_THE_LEASE: Duration = Duration::from_secs(10);

/// Returns the settings of the stack.
///
/// The one place that says what runs on one machine.
pub(super) fn settings(
    options: &UpArguments,
    checked: &Checked,
    folder: &DataFolder,
    log: LogSink,
) -> io::Result<StackSettings> {
    let Checked { config, secrets, has_page } = checked;
    let program = std::env::current_exe()?;
    let function = |name: &str| vec![program.clone().into_os_string(), "function".into(), name.into()];
    let pull_timeout = config.wdt.timeouts.total * 2 + AROUND_THE_PAGES;
    let waiting_for_slots = Duration::from_mins(1) * CALLS_OF_A_BATCH / config.bip.calls_per_minute.max(1);
    // A store is told within the same batches, and only where there is time for a whole call.
    let telling = config.store.as_ref().map_or(Duration::ZERO, dougong_config::StoreSettings::call_timeout);
    let deliver_timeout = config.bip.timeouts.total + waiting_for_slots + telling + AROUND_THE_CALLS;
    Ok(StackSettings {
        storage: Storage::File(folder.ledger()),
        keep_messages: true,
        env: environment(std::env::vars()),
        pull_timeout,
        deliver_timeout,
        visibility: deliver_timeout + AFTER_THE_LEASE,
        schedules: schedules(options, config),
        store: config.store.as_ref().map(|_| StoreSettings {
            listen: options.listen(),
            source: if options.behind_proxy { Source::Forwarded } else { Source::Peer },
            sweep_timeout: SWEEP_TIMEOUT,
            schedules: sweeps(options, config),
            ..StoreSettings::new(function("accept"), function("sweep"))
        }),
        console: has_page.then(|| ConsoleSettings {
            listen: options.console(),
            source: if options.behind_proxy { Source::Forwarded } else { Source::Peer },
            ..ConsoleSettings::new(function("console"))
        }),
        sweep: config.store.is_none().then(|| ScheduledSettings {
            program: function("sweep"),
            timeout: SWEEP_TIMEOUT,
            schedules: vec![closing()],
        }),
        reconcile: Some(ScheduledSettings {
            program: function("reconcile"),
            timeout: RECONCILE_TIMEOUT,
            schedules: vec![(Timing::Daily(options.reconcile_at), "{}".to_owned())],
        }),
        log,
        ..StackSettings::new(function("pull"), function("deliver"), &options.config, secrets)
    })
}

/// The live pull of every scheme at its interval, and its nightly re-scan.
fn schedules(options: &UpArguments, config: &Config) -> Vec<(Timing, String)> {
    let of_scheme = |scheme: &SchemeId| {
        [
            (Timing::Every(options.every), json!({ "scheme": scheme.as_str() }).to_string()),
            (Timing::Daily(options.rescan_at), rescan(scheme)),
        ]
    };
    config.schemes.keys().flat_map(of_scheme).collect()
}

/// The downloads of every scheme of store bills at their interval, and with them a look for stuck documents; ways of
/// paying are compared once a day.
fn sweeps(options: &UpArguments, config: &Config) -> Vec<(Timing, String)> {
    let downloads = config.bill_schemes.iter().filter(|(_, scheme)| scheme.source.download);
    let downloads = downloads.map(|(scheme, _)| json!({ "scheme": scheme.as_str() }));
    let often = downloads.chain([json!({ "job": "stuck" })]);
    let often = often.map(|event| (Timing::Every(options.sweep_every), event.to_string()));
    let daily = (Timing::Daily(options.rescan_at), json!({ "job": "payments" }).to_string());
    often.chain([daily, closing()]).collect()
}

/// Orders that wait to be merged are put together soon after they are due. It runs where no scheme merges, too: there it
/// lets orders go that have waited since one did.
fn closing() -> (Timing, String) {
    (Timing::Every(CLOSE_EVERY), json!({ "job": "close" }).to_string())
}

fn rescan(scheme: &SchemeId) -> String {
    json!({ "scheme": scheme.as_str(), "rescan": true }).to_string()
}

/// Returns what the functions see of this process's environment: the configuration's variables, how much is logged, and
/// where the certificates are.
fn environment(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    const OTHERS: [&str; 4] = ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    variables.filter(|(name, _)| name.starts_with("DOUGONG_") || OTHERS.contains(&name.as_str())).collect()
}

/// Starts the re-scan of every scheme whose last one is more than a day ago: a machine that is off at night would never
/// make one.
pub(super) async fn catch_up_on_rescans(stack: &Stack, config: &Config) {
    let ledger = Ledger::new(stack.dynamodb().client(), stack.tables().clone());
    for scheme in config.schemes.keys() {
        match is_rescan_due(&ledger, scheme).await {
            Ok(true) => stack.pull_host().invoke_event(rescan(scheme)),
            Ok(false) => {}
            // The night's own re-scan is not far away.
            Err(error) => tracing::warn!(%error, %scheme, "the last re-scan was not found"),
        }
    }
}

/// Tells whether a scheme was pulled before today, and nothing but its live windows was read for a day.
async fn is_rescan_due(ledger: &Ledger, scheme: &SchemeId) -> Result<bool, LedgerError> {
    const DAY_MS: i64 = 86_400_000;
    let now_ms = BeijingTime::now().epoch_seconds() * 1_000;
    let history = ledger.history(scheme, now_ms - 30 * DAY_MS, now_ms).await?;
    let pulled_before = history.iter().any(|row| row.at_ms < now_ms - DAY_MS);
    let rescanned = history.iter().any(|row| row.at_ms >= now_ms - DAY_MS && row.cursor != "live");
    Ok(pulled_before && !rescanned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_see_the_configurations_variables_and_no_others() {
        let variables =
            [("DOUGONG_TENANT", "shanjian"), ("HOME", "/root"), ("RUST_LOG", "debug"), ("AWS_PROFILE", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let seen = environment(variables.into_iter());
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["DOUGONG_TENANT", "RUST_LOG"]);
    }
}
