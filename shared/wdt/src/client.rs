//! The client: one call, one attempt.

use std::collections::BTreeSet;
use std::time::Duration;

use dougong_values::BeijingTime;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode, Url, redirect};

use crate::account::Account;
use crate::failure::QueryError;
use crate::query::Query;
use crate::reply::{self, Page};
use crate::request::Request;

/// The largest body that is read: a hundred documents of hundreds of lines stay far below.
const LARGEST_REPLY: usize = 64 << 20;

/// How long to wait for a reply (`protocols/wdt.md` §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// For the next bytes of the reply.
    pub read: Duration,
    /// For the whole attempt.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_mins(1), total: Duration::from_mins(2) }
    }
}

/// A client that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL of the channel is none.
    #[error("the WDT url {url:?} cannot be used: write a whole one, beginning with https://")]
    Url {
        /// The URL as it was set.
        url: String,
    },
    /// The HTTP client could not be set up.
    #[error("setting up the HTTP client for WDT")]
    Http(#[source] reqwest::Error),
}

/// Asks one account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    account: Account,
    keep: BTreeSet<String>,
}

impl Client {
    /// Builds the client of an account. Does not connect yet.
    pub fn new(account: Account, timeouts: Timeouts) -> Result<Self, ClientError> {
        let url = Url::parse(account.url())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ClientError::Url { url: account.url().to_owned() })?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, url, account, keep: BTreeSet::new() })
    }

    /// Keeps these personal fields in the rows, because a formula names them.
    #[must_use]
    pub fn keeping(mut self, fields: BTreeSet<String>) -> Self {
        self.keep = fields;
        self
    }

    /// Returns the account that is asked.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Asks for one page: one attempt, signed afresh. Whether to ask again is the caller's decision, by
    /// [`QueryError::class`].
    pub async fn query(&self, query: &Query) -> Result<Page, QueryError> {
        let request = Request::new(&self.account, query, BeijingTime::now());
        let mut sending = self.http.post(self.url.clone()).form(&request.form);
        if !request.query.is_empty() {
            sending = sending.query(&request.query);
        }
        let response = sending.send().await.map_err(connection)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = body(response).await?;

        match reply::read(&body, query.page_no, &self.keep) {
            // A refusal in the vendor's words says more than the status it came with.
            Err(QueryError::Answered(failure)) => Err(QueryError::Answered(failure)),
            _ if status != StatusCode::OK => Err(QueryError::Http { status: status.as_u16(), retry_after }),
            read => read,
        }
    }
}

/// Drops the URL, which holds the signature, from what may be printed.
fn connection(error: reqwest::Error) -> QueryError {
    QueryError::Connection(error.without_url())
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Reads a body, but not without end.
async fn body(mut response: Response) -> Result<Vec<u8>, QueryError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(connection)? {
        if body.len() + chunk.len() > LARGEST_REPLY {
            return Err(QueryError::TooLarge { limit: LARGEST_REPLY });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
