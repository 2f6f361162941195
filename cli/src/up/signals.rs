//! The signals that end the program gently: SIGTERM of a service manager, SIGINT of Ctrl-C, SIGHUP of a closed terminal.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals from now on.
pub(super) struct Signals {
    #[cfg(unix)]
    ending: [Signal; 3],
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen; the signals no longer end the process by themselves.
    pub(super) fn listen() -> io::Result<Self> {
        let ending = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ];
        Ok(Self { ending })
    }

    /// Waits for the next of them.
    pub(super) async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.ending;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Begins to listen.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next Ctrl-C.
    pub(super) async fn next(&mut self) {
        // Without the handler there is no signal to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
