//! Somebody at the page, by the events that API Gateway makes of their requests.

use std::time::Duration;

use dougong_cloud::FunctionHost;
use serde_json::{Value, json};

/// An answer.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u64,
    pub(crate) body: String,
    cookies: Vec<String>,
    /// From the event's delivery to the function until it asks for the next one.
    pub(crate) took: Duration,
}

/// Somebody who keeps their cookies.
#[derive(Debug)]
pub(crate) struct Visitor {
    host: FunctionHost,
    cookies: Vec<String>,
}

impl Visitor {
    /// Signs in with a token.
    pub(crate) async fn signed_in(host: FunctionHost, token: &str) -> Result<Self, String> {
        let mut visitor = Self { host, cookies: Vec::new() };
        let form = visitor.ask("GET", "/console", "", "").await?;
        let csrf = form.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let fields = format!("csrf={}&name=bench&token={token}", csrf.unwrap_or_default());
        visitor.cookies = kept(&form.cookies);
        let seen = visitor.ask("POST", "/console/sign-in", "", &fields).await?;
        if seen.status != 303 {
            return Err(format!("nobody was let in: {}", seen.status));
        }
        visitor.cookies = kept(&seen.cookies);
        Ok(visitor)
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str, query: &str) -> Result<Seen, String> {
        self.ask("GET", path, query, "").await
    }

    async fn ask(&self, method: &str, path: &str, query: &str, form: &str) -> Result<Seen, String> {
        let event = json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": { "host": "127.0.0.1", "accept-language": "en" },
            "cookies": self.cookies,
            "requestContext": { "http": { "method": method, "sourceIp": "127.0.0.1" } },
            "body": form,
        });
        let invocation = self.host.invoke(event.to_string()).await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&invocation.payload).map_err(|error| error.to_string())?;
        let cookies = answer["cookies"].as_array().into_iter().flatten();
        Ok(Seen {
            status: answer["statusCode"].as_u64().unwrap_or_default(),
            body: answer["body"].as_str().unwrap_or_default().to_owned(),
            cookies: cookies.filter_map(|cookie| cookie.as_str().map(str::to_owned)).collect(),
            took: invocation.duration,
        })
    }
}

/// Returns cookies as a browser sends them back.
fn kept(set: &[String]) -> Vec<String> {
    let pairs = set.iter().filter_map(|cookie| cookie.split(';').next());
    pairs.filter(|pair| !pair.ends_with('=')).map(str::to_owned).collect()
}
