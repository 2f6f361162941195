//! Calls to the store system, at the pace that all runs share, made again as their error says.

use std::time::Duration;

use dougong_ledger::{Ledger, Reservation};
use dougong_runtime::{Deadline, call_interval, epoch_ms};
use dougong_store::{CallClass, CallError, Client};
use dougong_values::Account;
use tracing::{debug, warn};

use crate::error::{Stop, failed};

/// How often a call is made before the run gives up on it.
const TRIES: u32 = 3;
/// The pause before a call is made again, tripled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Kept back of the invocation's time for taking in what was read and moving the watermark.
pub(crate) const WIND_UP: Duration = Duration::from_secs(15);

/// Makes calls one after another. Everything a sweep calls may be called again: it reads, or marks what is marked.
pub(crate) struct Calls<'a> {
    client: &'a Client,
    ledger: &'a Ledger,
    account: Account,
    interval: Duration,
    deadline: Deadline,
    made: u64,
}

impl<'a> Calls<'a> {
    pub(crate) fn new(
        client: &'a Client,
        ledger: &'a Ledger,
        account: Account,
        calls_per_minute: u32,
        deadline: Deadline,
    ) -> Self {
        let interval = call_interval(calls_per_minute);
        Self { client, ledger, account, interval, deadline, made: 0 }
    }

    /// Returns the calls made so far.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    /// Tells whether there is no time left to begin anything.
    pub(crate) fn out_of_time(&self) -> bool {
        self.deadline.left_after(WIND_UP).is_zero()
    }

    /// Makes a call until it is answered, three times at most.
    pub(crate) async fn make<T>(
        &mut self,
        call: impl AsyncFn(&Client) -> Result<T, CallError>,
    ) -> Result<T, Stop> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            self.wait_for_slot().await?;
            self.made += 1;
            let error = match call(self.client).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let passes = matches!(error.class(), CallClass::Retry | CallClass::Unknown);
            if !passes || attempt >= TRIES {
                return Err(Stop::Failed(error.into()));
            }
            warn!(
                command = error.command(),
                error = error.name(),
                code = error.code(),
                attempt,
                "the store system will be asked again"
            );
            if pause > self.deadline.left_after(WIND_UP) {
                break;
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        Err(Stop::OutOfTime)
    }

    async fn wait_for_slot(&self) -> Result<(), Stop> {
        let left = self.deadline.left_after(WIND_UP);
        let reserved = self.ledger.reserve(&self.account, 1, self.interval, left, epoch_ms()).await;
        let slots = match reserved.map_err(failed("reserve a call to the store system"))? {
            Reservation::Granted(slots) => slots,
            Reservation::Full { next_ms } => {
                debug!(next_ms, "no slot in time");
                return Err(Stop::OutOfTime);
            }
            Reservation::Paused { reason, .. } => {
                warn!(reason, "calls to the store system are paused");
                return Err(Stop::OutOfTime);
            }
        };
        for slot in slots {
            let wait = u64::try_from(slot - epoch_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        Ok(())
    }
}
