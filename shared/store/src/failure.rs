//! What can go wrong with a call of ours, and what to do about it (`protocols/store.md` §7.1, §7.2).

use std::collections::BTreeSet;

/// What the caller does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallClass {
    /// The platform has this already: as good as success.
    Duplicate,
    /// It passes, and nothing was done: call again later, three times at most.
    Retry,
    /// The platform does not accept who we are: nothing will work until a person has renewed the credentials.
    Refresh,
    /// It will be refused for ever: a person is needed.
    Final,
    /// A write whose outcome is not known: look it up before anything is sent again.
    Unknown,
}

/// What the platform's codes mean. None is public but 0, success, so all are settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    /// The bill is there already.
    pub duplicate: BTreeSet<String>,
    /// Try again later.
    pub retry: BTreeSet<String>,
    /// The credentials have expired.
    pub refresh: BTreeSet<String>,
    /// Refused for good.
    pub permanent: BTreeSet<String>,
}

impl Codes {
    /// Returns the class of a code; `None` where no setting names it.
    fn class(&self, code: &str) -> Option<CallClass> {
        let table = [
            (&self.duplicate, CallClass::Duplicate),
            (&self.permanent, CallClass::Final),
            (&self.refresh, CallClass::Refresh),
            (&self.retry, CallClass::Retry),
        ];
        table.into_iter().find(|(codes, _)| codes.contains(code)).map(|(_, class)| class)
    }
}

/// Whether a call changes something at the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Repeating it is safe: it reads, or marks what is marked already.
    Repeatable,
    /// It writes: without a clear answer, its outcome is unknown.
    Write,
}

impl Effect {
    const fn unclear(self) -> CallClass {
        match self {
            Self::Repeatable => CallClass::Retry,
            Self::Write => CallClass::Unknown,
        }
    }
}

/// A call that is not made, because it would be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCall {
    /// A list that decides what is meant is empty (P9, N17).
    #[error("{field} is empty: that might mean everything")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A required field is missing.
    #[error("{field} is missing; the store system requires it")]
    Missing {
        /// The field, with the line's index where it is a line's: `billitems[0].prodcode`.
        field: String,
    },
    /// The store system's id is no whole number (N23).
    #[error(
        "{value:?} is no buid: the store system's ids are whole numbers; the vendor's example sends a number of the \
         bill, which a setting allows"
    )]
    Buid {
        /// What was given, cut to 40 characters.
        value: String,
    },
    /// The days are in the wrong order or too many (S2).
    #[error("the days {start} to {end} are no span of at most three days")]
    Span {
        /// The first day.
        start: String,
        /// The last day.
        end: String,
    },
    /// A window of sales spans more than one day.
    #[error("sales are asked for one day at a time, not {window}")]
    Window {
        /// The window.
        window: String,
    },
}

/// Why a call brought nothing that can be used. No message holds the URL or a secret.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The call would be wrong and was not made.
    #[error("{command} was not called")]
    Invalid {
        /// The command.
        command: &'static str,
        /// What is wrong.
        #[source]
        source: InvalidCall,
    },
    /// No connection was made, so nothing was sent.
    #[error("{command}: the store system could not be reached")]
    NotSent {
        /// The command.
        command: &'static str,
        /// Why, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke or timed out after something was sent.
    #[error("{command}: the connection to the store system failed")]
    Broken {
        /// The command.
        command: &'static str,
        /// What an unclear outcome means for this call.
        unclear: CallClass,
        /// Why, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is a status that says more than its body.
    #[error("{command}: the store system answered with HTTP {status}")]
    Http {
        /// The command.
        command: &'static str,
        /// What an unclear outcome means for this call.
        unclear: CallClass,
        /// The status.
        status: u16,
    },
    /// The answer cannot be read.
    #[error("{command}: the store system's answer cannot be read: it {problem}")]
    Unreadable {
        /// The command.
        command: &'static str,
        /// What an unclear outcome means for this call.
        unclear: CallClass,
        /// What is wrong with it, without its text.
        problem: String,
    },
    /// The platform said no, in its own words.
    #[error("{command}: the store system answered with code {code}: {message}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the settings say about the code.
        class: CallClass,
        /// The code.
        code: String,
        /// The platform's words, cut to 300 characters.
        message: String,
    },
}

impl CallError {
    pub(crate) fn refused(
        command: &'static str,
        effect: Effect,
        codes: &Codes,
        code: String,
        message: &str,
    ) -> Self {
        let class = codes.class(&code).unwrap_or(effect.unclear());
        Self::Refused { command, class, code, message: message.chars().take(300).collect() }
    }

    pub(crate) fn broken(command: &'static str, effect: Effect, error: reqwest::Error) -> Self {
        let source = error.without_url();
        // A client without idle connections that could not connect has sent nothing.
        if source.is_connect() || source.is_builder() {
            Self::NotSent { command, source }
        } else {
            Self::Broken { command, unclear: effect.unclear(), source }
        }
    }

    pub(crate) const fn http(command: &'static str, effect: Effect, status: u16) -> Self {
        Self::Http { command, unclear: effect.unclear(), status }
    }

    pub(crate) const fn unreadable(command: &'static str, effect: Effect, problem: String) -> Self {
        Self::Unreadable { command, unclear: effect.unclear(), problem }
    }

    /// Returns what to do about it.
    pub const fn class(&self) -> CallClass {
        match self {
            // Too many calls are turned away before anyone works on them.
            Self::NotSent { .. } | Self::Http { status: 429, .. } => CallClass::Retry,
            Self::Http { status: 401 | 403, .. } => CallClass::Refresh,
            // A redirection or a page that is not there: the URL is wrong.
            Self::Invalid { .. } | Self::Http { status: 300..=407 | 409..=499, .. } => CallClass::Final,
            Self::Broken { unclear, .. } | Self::Http { unclear, .. } | Self::Unreadable { unclear, .. } => {
                *unclear
            }
            Self::Refused { class, .. } => *class,
        }
    }

    /// Tells whether the platform may have done what it was asked and said so, unheard.
    pub const fn answer_was_lost(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Unreadable { .. })
    }

    /// Returns the code the platform answered with.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Returns the command.
    pub const fn command(&self) -> &'static str {
        match self {
            Self::Invalid { command, .. }
            | Self::NotSent { command, .. }
            | Self::Broken { command, .. }
            | Self::Http { command, .. }
            | Self::Unreadable { command, .. }
            | Self::Refused { command, .. } => command,
        }
    }

    /// Returns the stable name of the error, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "store_invalid_call",
            Self::NotSent { .. } => "store_unreachable",
            Self::Broken { source, .. } if source.is_timeout() => "store_timeout",
            Self::Broken { .. } => "store_connection_failed",
            Self::Http { status: 500.., .. } => "store_server_error",
            Self::Http { .. } => "store_http_refused",
            Self::Unreadable { .. } => "store_unreadable_reply",
            Self::Refused { .. } => "store_refused",
        }
    }
}
