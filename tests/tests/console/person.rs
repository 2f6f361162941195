//! A person at a browser, as far as requests show one.

use dougong_tests::{Canaries, World};
use reqwest::{Client, Response, StatusCode, redirect};

/// A browser that keeps its cookies.
pub(crate) struct Person {
    client: Client,
    root: String,
    cookies: Vec<(String, String)>,
    language: &'static str,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// Returns the value of the form's field of that name.
    pub(crate) fn field(&self, name: &str) -> String {
        let marked = format!("name=\"{name}\" value=\"");
        let value = self.body.split(&marked).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no field {name} in {}", self.body)).to_owned()
    }

    pub(crate) fn shows(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{text:?} is not shown: {} {}", self.status, self.body);
        self
    }
}

impl Person {
    pub(crate) fn at(world: &World, language: &'static str) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        let root = world.stack.console().unwrap().url().trim_end_matches("/console").to_owned();
        Self { client, root, cookies: Vec::new(), language }
    }

    /// Comes in with a token.
    pub(crate) async fn signed_in(world: &World, token: &str, language: &'static str) -> Self {
        let mut person = Self::at(world, language);
        let seen = person.sign_in(token).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{seen:?}");
        person
    }

    pub(crate) async fn sign_in(&mut self, token: &str) -> Seen {
        let form = self.get("/console").await;
        let csrf = form.field("csrf");
        self.post("/console/sign-in", &[("csrf", &csrf), ("name", "Li Lei"), ("token", token)]).await
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(own, _)| own != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        let request = self.client.get(format!("{}{path}", self.root));
        let response = request.header("accept-language", self.language).header("cookie", self.jar());
        self.seen(response.send().await.unwrap()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Seen {
        let request = self.client.post(format!("{}{path}", self.root)).form(form);
        let response = request.header("accept-language", self.language).header("cookie", self.jar());
        self.seen(response.send().await.unwrap()).await
    }

    /// Posts as a page of another site would have it done.
    pub(crate) async fn post_from_elsewhere(&mut self, path: &str, form: &[(&str, &str)]) -> Seen {
        let request = self.client.post(format!("{}{path}", self.root)).form(form);
        let request = request.header("sec-fetch-site", "cross-site").header("cookie", self.jar());
        self.seen(request.send().await.unwrap()).await
    }

    /// Goes where an answer sends.
    pub(crate) async fn follow(&mut self, seen: &Seen) -> Seen {
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{seen:?}");
        let location = seen.location.clone().unwrap();
        self.get(&location).await
    }

    fn jar(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn seen(&mut self, response: Response) -> Seen {
        let headers = response.headers().clone();
        for cookie in headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.set_cookie(name, rest.split(';').next().unwrap());
        }
        let location = headers.get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let body = response.text().await.unwrap();
        let found = Canaries::of_every_world().found([("a page".to_owned(), body.clone())]);
        assert_eq!(found, None, "a page shows a secret or a person");
        Seen { status, location, headers, body }
    }
}
