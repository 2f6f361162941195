//! Calls at the shared pace with the shared token.
//!
//! A call is a slot used up. It waits for its slot's instant, gets the token (one that must be asked for is
//! paid with the call's own slot, and the call takes a new one), and sends. What BIP says about pace, token
//! and rights is acted on here, for everyone; what it says about the voucher is returned.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use dougong_values::{VoucherCode, VoucherId};
use tracing::{debug, error, warn};

use crate::call::{self, Call, ListPage, ListQuery};
use crate::client::Client;
use crate::clock::Clock;
use crate::order::Order;
use crate::outcome::{CallError, Lookup, SaveOutcome, with_causes};
use crate::reply::Reply;
use crate::sale_return::SaleReturn;
use crate::state::{PauseCause, Reservation, SharedState, StateError};
use crate::token::Token;
use crate::voucher::{Voucher, VoucherKind};

/// A slot so much older than this, in milliseconds, is exchanged: late calls would bunch up.
const STALE_MS: i64 = 1000;
/// How long one environment may be busy asking for a token before others may try.
const REFRESH_LOCK_MS: i64 = 60_000;
/// How long others wait for it.
const REFRESH_WAIT_MS: i64 = 20_000;
/// How often they look.
const REFRESH_LOOK: Duration = Duration::from_millis(500);

/// Permission for one call to BIP (design §2 *slot*). Made by [`Session::reserve`] alone, and used up by the
/// call it is given to.
#[derive(Debug)]
#[must_use = "a slot that is not used is a call nobody makes"]
pub struct Slot {
    at_ms: i64,
}

impl Slot {
    /// Returns the instant of the slot, milliseconds since the Unix epoch.
    pub const fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// Why no slots were given.
#[derive(Debug, thiserror::Error)]
pub enum NoSlot {
    /// Everyone is paused.
    #[error("calls to BIP are paused until {until_ms} ms: {reason}")]
    Paused {
        /// End of the pause, milliseconds since the Unix epoch.
        until_ms: i64,
        /// Why.
        reason: String,
    },
    /// All slots within the time the caller can wait are taken.
    #[error("all slots for calls to BIP are taken, the next is at {next_ms} ms")]
    Full {
        /// When the next slot would be, milliseconds since the Unix epoch.
        next_ms: i64,
    },
    /// The shared state could not be asked.
    #[error("slots for calls to BIP could not be reserved")]
    State(#[from] StateError),
}

impl From<NoSlot> for CallError {
    fn from(no_slot: NoSlot) -> Self {
        Self::NotSent { reason: with_causes(&no_slot) }
    }
}

/// How long everyone stops for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// After BIP limited calls. §4 reports address bans of an hour for those who came back too soon.
    pub throttled: Duration,
    /// After BIP refused the application: until then, or until an operator resumes.
    pub misconfigured: Duration,
    /// After no token could be had, or a new one was refused at once.
    pub no_token: Duration,
    /// Up to so much is added by chance.
    pub jitter: Duration,
}

impl Default for Pauses {
    /// 60 s, 5 min, 30 s, and up to 15 s by chance.
    fn default() -> Self {
        Self {
            throttled: Duration::from_mins(1),
            misconfigured: Duration::from_mins(5),
            no_token: Duration::from_secs(30),
            jitter: Duration::from_secs(15),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pause {
    until_ms: i64,
    reason: String,
}

/// The tokens that one environment knows.
#[derive(Debug, Default)]
struct Tokens {
    current: Option<Token>,
    /// The one that BIP refused last: nobody uses it again, also when it is still the shared one.
    refused: Option<Token>,
}

impl Tokens {
    /// Puts a token away that BIP has refused. An answer to an earlier one changes nothing.
    fn refuse(&mut self, token: Token) {
        if self.current.as_ref().is_some_and(|current| current.same(&token)) {
            self.refused = Some(token);
        }
    }
}

/// One environment's way to BIP: the only one there is.
#[derive(Debug)]
pub struct Session<S> {
    client: Client,
    state: S,
    // Names this session where environments take turns.
    owner: String,
    clock: Clock,
    pauses: Pauses,
    max_wait: Duration,
    // Held while a token is asked for, so that all who need one wait for the same request.
    tokens: tokio::sync::Mutex<Tokens>,
    // The last pause this environment declared: slots it holds already must not outlive it.
    paused: Mutex<Option<Pause>>,
}

impl<S: SharedState> Session<S> {
    /// Opens a session. Nothing is sent yet.
    pub fn new(client: Client, state: S) -> Self {
        Self {
            client,
            state,
            owner: format!("session-{:08x}", random()),
            clock: Clock::System,
            pauses: Pauses::default(),
            max_wait: Duration::from_secs(20),
            tokens: tokio::sync::Mutex::default(),
            paused: Mutex::default(),
        }
    }

    /// Sets the clock.
    #[must_use]
    pub const fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how long everyone stops for what.
    #[must_use]
    pub const fn with_pauses(mut self, pauses: Pauses) -> Self {
        self.pauses = pauses;
        self
    }

    /// Sets how long a call may wait for each slot it has to take itself: for a stale one, after a token.
    #[must_use]
    pub const fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Reserves `n` slots, all or none, the last at most `max_wait` from now.
    pub async fn reserve(&self, n: u32, max_wait: Duration) -> Result<Vec<Slot>, NoSlot> {
        let known = self.pause_known();
        match self.state.reserve(n, max_wait).await? {
            Reservation::Granted(instants) => {
                // Slots are given again: the pause is over, or an operator ended it.
                self.forget_pause(known.as_ref());
                Ok(instants.into_iter().map(|at_ms| Slot { at_ms }).collect())
            }
            Reservation::Paused { until_ms, reason } => Err(NoSlot::Paused { until_ms, reason }),
            Reservation::Full { next_ms } => Err(NoSlot::Full { next_ms }),
        }
    }

    /// Saves a sales order.
    pub async fn save_order(&self, slot: Slot, order: &Order) -> SaveOutcome {
        call::saved(self.call(slot, &Call::save_order(order)).await)
    }

    /// Saves a sales return.
    pub async fn save_return(&self, slot: Slot, sale_return: &SaleReturn) -> SaveOutcome {
        call::saved(self.call(slot, &Call::save_return(sale_return)).await)
    }

    /// Saves a voucher of either kind.
    pub async fn save(&self, slot: Slot, voucher: &Voucher) -> SaveOutcome {
        match voucher {
            Voucher::Order(order) => self.save_order(slot, order).await,
            Voucher::Return(sale_return) => self.save_return(slot, sale_return).await,
        }
    }

    /// Looks a voucher up by its exact code, in the list of its kind.
    pub async fn find_by_code(&self, slot: Slot, kind: VoucherKind, code: &VoucherCode) -> Lookup {
        match self.list(slot, kind, &ListQuery::of_code(code)).await {
            Ok(page) => call::exactly(code, page),
            Err(error) => Lookup::Failed(error),
        }
    }

    /// Reads a page of the list of a kind of voucher.
    pub async fn list(
        &self,
        slot: Slot,
        kind: VoucherKind,
        query: &ListQuery,
    ) -> Result<ListPage, CallError> {
        call::page(&self.call(slot, &Call::list(kind, query)).await?)
    }

    /// Looks a sales order up by its id.
    pub async fn detail(&self, slot: Slot, id: &VoucherId) -> Lookup {
        call::detail(self.call(slot, &Call::detail(id)).await)
    }

    /// Makes a call; a refused token is replaced and the call made once more.
    async fn call(&self, slot: Slot, call: &Call) -> Result<Reply, CallError> {
        // The slot first: who asks for a token must not keep others waiting for a slot far away.
        let slot = self.wait(slot).await?;
        let (token, slot) = self.token(slot).await?;
        let first = self.attempt(slot, &token, call).await;
        if !matches!(first, Err(CallError::TokenInvalid { .. })) {
            return first;
        }
        // At once, so that no other call is wasted on it: whose slot comes first asks for a successor.
        self.tokens.lock().await.refuse(token);
        let slot = self.wait(self.reserve_one().await?).await?;
        let (successor, slot) = self.token(slot).await?;
        let second = self.attempt(slot, &successor, call).await;
        if let Err(CallError::TokenInvalid { code }) = &second {
            self.tokens.lock().await.refuse(successor);
            warn!(operation = call.operation, code, "BIP refuses a token it has just issued");
            self.pause(PauseCause::NoToken, &format!("BIP refuses new tokens ({code})")).await;
        }
        second
    }

    /// Calls once, and acts on what concerns everyone.
    async fn attempt(&self, slot: Slot, token: &Token, call: &Call) -> Result<Reply, CallError> {
        // Getting the token may have taken a while: the slot may be stale, or everyone paused.
        let _used_up = self.wait(slot).await?;
        let started_ms = self.clock.now_ms();
        let reply = self.client.send(token, call).await;
        let elapsed_ms = self.clock.now_ms() - started_ms;
        match &reply {
            Ok(_) => debug!(operation = call.operation, elapsed_ms, "BIP answered"),
            Err(error) => warn!(operation = call.operation, elapsed_ms, %error, "BIP call failed"),
        }
        if let Err(error) = &reply {
            self.heed(error).await;
        }
        reply
    }

    /// Pauses everyone when BIP limits calls or does not serve the application.
    async fn heed(&self, error: &CallError) {
        match error {
            CallError::Throttled { .. } => self.pause(PauseCause::Throttled, &error.to_string()).await,
            CallError::Misconfigured { .. } => {
                self.pause(PauseCause::Misconfigured, &error.to_string()).await;
            }
            _ => {}
        }
    }

    async fn reserve_one(&self) -> Result<Slot, NoSlot> {
        let mut slots = self.reserve(1, self.max_wait).await?;
        slots.pop().ok_or(NoSlot::Full { next_ms: self.clock.now_ms() + STALE_MS })
    }

    /// Waits for the slot's instant and gives the slot back, due. A stale slot is exchanged; a pause declared
    /// meanwhile ends the wait.
    async fn wait(&self, mut slot: Slot) -> Result<Slot, NoSlot> {
        loop {
            let now = self.clock.now_ms();
            if let Some(Pause { until_ms, reason }) = self.pause_known().filter(|pause| now < pause.until_ms)
            {
                return Err(NoSlot::Paused { until_ms, reason });
            }
            let late_ms = now - slot.at_ms;
            if late_ms > STALE_MS {
                slot = self.reserve_one().await?;
            } else if late_ms >= 0 {
                return Ok(slot);
            } else {
                tokio::time::sleep(Duration::from_millis(late_ms.unsigned_abs())).await;
            }
        }
    }

    /// Returns a token that can be used, and the slot to use it in: another one if a token had to be asked for.
    async fn token(&self, slot: Slot) -> Result<(Token, Slot), CallError> {
        let mut tokens = self.tokens.lock().await;
        let (now, refused) = (self.clock.now_ms(), tokens.refused.as_ref());
        if let Some(token) = tokens.current.as_ref().filter(|token| token.usable(now, refused)) {
            return Ok((token.clone(), slot));
        }
        let (token, slot) = self.shared_or_new_token(slot, refused).await?;
        tokens.current = Some(token.clone());
        drop(tokens);
        match slot {
            Some(slot) => Ok((token, slot)),
            None => Ok((token, self.reserve_one().await?)),
        }
    }

    /// Reads the shared token: another environment may have refreshed it. If it is not good either, takes
    /// the turn to ask for a new one, or waits for who has it. The slot is kept unless it was used.
    async fn shared_or_new_token(
        &self,
        slot: Slot,
        refused: Option<&Token>,
    ) -> Result<(Token, Option<Slot>), CallError> {
        let give_up_ms = self.clock.now_ms() + REFRESH_WAIT_MS;
        let mut my_turn = false;
        loop {
            let shared = self.state.load_token().await?;
            let now = self.clock.now_ms();
            let opened = shared.as_ref().and_then(|sealed| self.client.seal.open(sealed));
            if let Some(token) = opened.filter(|token| token.usable(now, refused)) {
                if my_turn {
                    self.end_turn().await;
                }
                return Ok((token, Some(slot)));
            }
            if my_turn {
                // The call's own next slot first: while everyone is paused, nobody asks for a token either.
                let next = match self.reserve_one().await {
                    Ok(next) => Some(next),
                    Err(NoSlot::Full { .. }) => None,
                    Err(no_slot) => {
                        self.end_turn().await;
                        return Err(no_slot.into());
                    }
                };
                let asked = self.ask_for_token(slot).await;
                let stored = match &asked {
                    Ok(token) => self.share(token, shared.as_ref()).await,
                    Err(_) => false,
                };
                if !stored {
                    self.end_turn().await;
                }
                return asked.map(|token| (token, next));
            }
            if now > give_up_ms {
                let reason = "another environment has been asking for a token for too long".to_owned();
                return Err(CallError::NotSent { reason });
            }
            let turn = self.state.lock_token_refresh(&self.owner, now + REFRESH_LOCK_MS).await;
            my_turn = turn?;
            if !my_turn {
                tokio::time::sleep(REFRESH_LOOK).await;
            }
        }
    }

    /// Asks BIP for a token, and once more with a fresh timestamp if that fails. Without one nobody can
    /// call, so everyone pauses.
    async fn ask_for_token(&self, slot: Slot) -> Result<Token, CallError> {
        let _used_up = self.wait(slot).await?;
        let first = match self.client.request_token(self.clock.now_ms()).await {
            Ok(token) => return Ok(token),
            Err(throttled @ CallError::Throttled { .. }) => {
                self.heed(&throttled).await;
                return Err(throttled);
            }
            Err(error) => error,
        };
        warn!(error = %first, "BIP gave no token, asking once more");
        let _used_up = self.wait(self.reserve_one().await?).await?;
        let second = match self.client.request_token(self.clock.now_ms()).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        warn!(error = %second, "BIP gives no token");
        let told = match second {
            CallError::Unknown { reason } | CallError::NotSent { reason } => {
                CallError::NotSent { reason: format!("no token: {reason}") }
            }
            CallError::Busy { code, message } => {
                CallError::NotSent { reason: format!("no token: {code}: {message}") }
            }
            CallError::TokenInvalid { code } => {
                CallError::Misconfigured { code, message: "the token request was refused".to_owned() }
            }
            CallError::Refused { code, message, .. } => CallError::Misconfigured { code, message },
            other => other,
        };
        if let CallError::NotSent { reason } = &told {
            self.pause(PauseCause::NoToken, reason).await;
        } else {
            self.heed(&told).await;
        }
        Err(told)
    }

    /// Shares a new token and so ends the turn; `false` if it could not be shared.
    async fn share(&self, token: &Token, replaces: Option<&crate::SealedToken>) -> bool {
        let Some(sealed) = self.client.seal.seal(token) else {
            warn!("the BIP token could not be sealed, other environments will ask for their own");
            return false;
        };
        match self.state.store_token(&sealed, replaces).await {
            Ok(true) => true,
            Ok(false) => {
                warn!("another environment shared a BIP token meanwhile");
                true
            }
            Err(error) => {
                warn!(%error, "the BIP token could not be shared");
                false
            }
        }
    }

    /// Gives the turn to ask for a token back. If that fails, the turn ends by itself.
    async fn end_turn(&self) {
        let now = self.clock.now_ms();
        if let Err(error) = self.state.lock_token_refresh(&self.owner, now).await {
            warn!(%error, "the turn to refresh the BIP token could not be given back");
        }
    }

    async fn pause(&self, cause: PauseCause, reason: &str) {
        let duration = match cause {
            PauseCause::Throttled => self.pauses.throttled,
            PauseCause::NoToken => self.pauses.no_token,
            PauseCause::Misconfigured => self.pauses.misconfigured,
        };
        let until_ms = self.clock.now_ms() + millis(duration) + self.jitter_ms();
        warn!(until_ms, reason, "calls to BIP pause");
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Pause { until_ms, reason: reason.to_owned() });
        if let Err(error) = self.state.pause(until_ms, cause, reason).await {
            error!(%error, "the pause could not be shared, other environments will find out themselves");
        }
    }

    fn pause_known(&self) -> Option<Pause> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the pause unless a newer one was declared meanwhile.
    fn forget_pause(&self, known: Option<&Pause>) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if paused.as_ref() == known {
            *paused = None;
        }
    }

    fn jitter_ms(&self) -> i64 {
        i64::from(random()) % (millis(self.pauses.jitter) + 1)
    }
}

/// Draws a number. If the system has none, everyone comes back at once, at the shared pace: no harm.
fn random() -> u32 {
    let mut bytes = [0; 4];
    rand::fill(&mut bytes).map_or(0, |()| u32::from_be_bytes(bytes))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::alone::Alone;
    use crate::client::{Credential, Gateway, Timeouts};

    const START_MS: i64 = 1_795_000_000_000;

    fn session(state: &Alone, clock: Clock) -> Session<&Alone> {
        let nowhere = Gateway { token_url: String::new(), gateway_url: String::new() };
        let credential = Credential::new("key", SecretString::from("secret"));
        Session::new(Client::new(nowhere, credential, Timeouts::default()).unwrap(), state).with_clock(clock)
    }

    #[tokio::test(start_paused = true)]
    async fn no_rolling_minute_holds_more_slots_than_the_pace_allows() {
        let clock = Clock::on_tokio(START_MS);
        let state = Alone::new(58, clock);
        let (here, there) = (session(&state, clock), session(&state, clock));
        let mut instants = Vec::new();
        for _ in 0..30 {
            for taker in [&here, &there] {
                let slots = taker.reserve(3, Duration::from_mins(5)).await.unwrap();
                instants.extend(slots.iter().map(Slot::at_ms));
            }
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        for (index, first) in instants.iter().enumerate() {
            let within = instants[index..].iter().take_while(|at| **at < first + 60_000).count();
            assert!(within <= 58, "{within} slots in a minute");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_its_slot_and_exchanges_a_stale_one() {
        let clock = Clock::on_tokio(START_MS);
        let state = Alone::new(60, clock);
        let session = session(&state, clock);
        let mut slots = session.reserve(3, Duration::from_secs(10)).await.unwrap();
        let due = session.wait(slots.pop().unwrap()).await.unwrap();
        assert_eq!((clock.now_ms(), due.at_ms()), (START_MS + 2_000, START_MS + 2_000));

        // A second late is still in time; more would have calls bunch up.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let _due = session.wait(Slot { at_ms: clock.now_ms() - STALE_MS }).await.unwrap();
        assert_eq!(clock.now_ms(), START_MS + 2_010);
        let _due = session.wait(slots.pop().unwrap()).await.unwrap();
        assert_eq!(clock.now_ms(), START_MS + 3_000, "a stale slot was used as it was");
    }

    #[tokio::test(start_paused = true)]
    async fn slots_later_than_the_caller_can_wait_are_not_taken() {
        let clock = Clock::on_tokio(START_MS);
        let state = Alone::new(60, clock);
        let session = session(&state, clock);
        assert!(matches!(session.reserve(5, Duration::from_secs(3)).await, Err(NoSlot::Full { .. })));
        assert_eq!(session.reserve(4, Duration::from_secs(3)).await.unwrap().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_for_those_who_wait_and_an_operator_can_end_it_sooner() {
        let clock = Clock::on_tokio(START_MS);
        let state = Alone::new(60, clock);
        let session = session(&state, clock);
        let held = session.reserve_one().await.unwrap();
        session.pause(PauseCause::Throttled, "a test").await;
        assert!(matches!(session.wait(held).await, Err(NoSlot::Paused { .. })));
        assert!(matches!(session.reserve_one().await, Err(NoSlot::Paused { .. })));
        tokio::time::sleep(Duration::from_secs(76)).await;
        let slot = session.reserve_one().await.unwrap();
        let _due = session.wait(slot).await.unwrap();
        assert!(session.pause_known().is_none());
    }
}
