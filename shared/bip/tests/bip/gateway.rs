//! A gateway of a few lines that says what a test wants to hear.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use dougong_bip::{Alone, Client, Clock, Credential, Pauses, Session, SharedState, Slot, Timeouts};
use secrecy::SecretString;

pub(crate) const SECRET: &str = "the-app-secret";
pub(crate) const SAVED: &str =
    r#"{"code":"200","data":{"id":"2517234900202422278","code":"OCK202611210001"}}"#;

/// What the gateway does.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Answers to business calls, first come first served; then everything is saved.
    pub(crate) answers: VecDeque<Answer>,
    /// Answers to token requests, first come first served; then tokens are given.
    pub(crate) token_answers: VecDeque<&'static str>,
    /// Tokens given so far.
    pub(crate) tokens: u32,
    /// Refuses every token but the last one given.
    pub(crate) strict: bool,
    /// Paths called, in order.
    pub(crate) calls: Vec<String>,
}

/// An answer, byte for byte.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self { status, content_type: "application/json".to_owned(), body: body.to_owned() }
    }
}

#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) script: Arc<Mutex<Script>>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, script }
    }

    pub(crate) fn says(&self, answer: Answer) {
        self.script.lock().unwrap().answers.push_back(answer);
    }

    /// Counts the calls whose path ends so.
    pub(crate) fn calls(&self, end: &str) -> usize {
        self.script.lock().unwrap().calls.iter().filter(|path| path.ends_with(end)).count()
    }

    pub(crate) fn client(&self) -> Client {
        let gateway = dougong_bip::Gateway { token_url: self.url.clone(), gateway_url: self.url.clone() };
        Client::new(gateway, Credential::new("the-app-key", SecretString::from(SECRET)), Timeouts::default())
            .unwrap()
    }

    pub(crate) fn session<S: SharedState>(&self, state: S) -> Session<S> {
        Session::new(self.client(), state).with_pauses(Pauses { jitter: Duration::ZERO, ..Pauses::default() })
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    uri: Uri,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let asks_for_token = uri.path().ends_with("getAccessToken");
    if asks_for_token {
        // Long enough for everyone to find out that they need a token.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let mut script = script.lock().unwrap();
    script.calls.push(uri.path().to_owned());
    let json = |body: String| ([(CONTENT_TYPE, "application/json")], body).into_response();
    if asks_for_token {
        if let Some(answer) = script.token_answers.pop_front() {
            return json(answer.to_owned());
        }
        script.tokens += 1;
        let token = format!("to+ken/{}=", script.tokens);
        return json(format!(r#"{{"code":"00000","data":{{"access_token":"{token}","expire":7200}}}}"#));
    }
    let last = format!("to+ken/{}=", script.tokens);
    if script.strict && !query.contains(&("access_token".to_owned(), last)) {
        return json(r#"{"code":"310036","message":"非法token"}"#.to_owned());
    }
    match script.answers.pop_front() {
        Some(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap();
            (status, [(CONTENT_TYPE, answer.content_type)], answer.body).into_response()
        }
        None => json(SAVED.to_owned()),
    }
}

/// State of one process, as fast as a test wants to be.
pub(crate) fn alone() -> Alone {
    Alone::new(60_000, Clock::System)
}

pub(crate) async fn slot<S: SharedState>(session: &Session<S>) -> Slot {
    session.reserve(1, Duration::from_secs(5)).await.unwrap().pop().unwrap()
}
