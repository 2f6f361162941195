//! The shared paces: whether calls to an outside system are stopped, and stopping and resuming them.

use std::time::Duration;

use dougong_ledger::{Pause, Reservation};
use dougong_runtime::{Secrets, call_interval, epoch_ms};
use dougong_values::{Account, BeijingTime};
use serde::Serialize;

use crate::{OperateError, Operator, at};

/// An outside system that is called at a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// 用友BIP
    Bip,
    /// 旺店通
    Wdt,
    /// The store system 甩手掌柜.
    Store,
}

impl System {
    /// Returns the stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bip => "bip",
            Self::Wdt => "wdt",
            Self::Store => "store",
        }
    }

    fn account(self, secrets: &Secrets) -> Account {
        match self {
            Self::Bip => secrets.bip.app_key.clone(),
            Self::Wdt => secrets.wdt.app_key.clone(),
            Self::Store => Account::store_system(),
        }
    }
}

/// A pause that holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Until when.
    pub until: BeijingTime,
    /// Why.
    pub reason: String,
}

/// The pace of calls to one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaceStatus {
    /// The system.
    pub system: System,
    /// How many calls a minute all environments together make at most.
    pub calls_per_minute: u32,
    /// Whether calls are stopped now.
    pub paused: Option<Paused>,
}

impl Operator {
    fn secrets(&self) -> Result<&Secrets, OperateError> {
        let secrets = self.system.secrets.as_ref();
        secrets.map_err(|problem| OperateError::NoSecrets { problem: problem.clone() })
    }

    /// Returns the paces of every system that the configuration has: one request each.
    pub async fn paces(&self) -> Result<Vec<PaceStatus>, OperateError> {
        let config = &self.system.config;
        let store = config.store.as_ref().map(|store| (System::Store, store.calls_per_minute));
        let both = [(System::Bip, config.bip.calls_per_minute), (System::Wdt, config.wdt.calls_per_minute)];
        let secrets = self.secrets()?;
        let mut paces = Vec::new();
        for (system, calls_per_minute) in both.into_iter().chain(store) {
            let paused = self.ledger().paused(&system.account(secrets), epoch_ms()).await?;
            let paused = paused.map(|(until, reason)| Paused { until: at(until), reason });
            paces.push(PaceStatus { system, calls_per_minute, paused });
        }
        Ok(paces)
    }

    /// Waits for a slot of a pace that everybody shares, for one call.
    pub(crate) async fn wait_for_slot(
        &self,
        account: &Account,
        calls_per_minute: u32,
        longest: Duration,
    ) -> Result<(), OperateError> {
        let interval = call_interval(calls_per_minute);
        match self.ledger().reserve(account, 1, interval, longest, epoch_ms()).await? {
            Reservation::Granted(slots) => {
                let wait = slots.first().copied().unwrap_or_default() - epoch_ms();
                tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
                Ok(())
            }
            Reservation::Paused { reason, .. } => Err(OperateError::NoSlot { reason }),
            Reservation::Full { .. } => {
                Err(OperateError::NoSlot { reason: "others call it all the time".to_owned() })
            }
        }
    }

    /// Stops all calls to a system for some time, for everyone; never shortens a pause. Returns what holds then.
    pub async fn pause(
        &self,
        system: System,
        lasting: Duration,
        reason: &str,
    ) -> Result<Paused, OperateError> {
        let account = system.account(self.secrets()?);
        let now = epoch_ms();
        let until = now.saturating_add(i64::try_from(lasting.as_millis()).unwrap_or(i64::MAX));
        let words = format!("until {}: {reason}", at(until));
        self.note("pause", format!("pace#{}", system.as_str()), Some(words)).await?;
        let by = format!("{reason} ({})", self.name);
        Ok(match self.ledger().pause(&account, until, &by, now).await? {
            Pause::Begun | Pause::Extended => Paused { until: at(until), reason: by },
            Pause::Already { until_ms } => {
                let held = self.ledger().paused(&account, now).await?;
                let reason = held.map(|(_, reason)| reason).unwrap_or_default();
                Paused { until: at(until_ms), reason }
            }
        })
    }

    /// Lets calls to a system go on at once. Returns the pause that ended, if there was one.
    pub async fn resume(&self, system: System) -> Result<Option<Paused>, OperateError> {
        let account = system.account(self.secrets()?);
        let was = self.ledger().paused(&account, epoch_ms()).await?;
        let was = was.map(|(until, reason)| Paused { until: at(until), reason });
        let words = was.as_ref().map(|was| was.reason.clone());
        self.note("resume", format!("pace#{}", system.as_str()), words).await?;
        self.ledger().resume(&account).await?;
        Ok(was)
    }
}
