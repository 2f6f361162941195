//! Which page a request is for, and whether its person may have it.

use std::time::Instant;

use dougong_operate::{OperateError, Operator, Texts};
use dougong_runtime::{Metrics, Parts, Reached, StartError, Unit, epoch_ms, with_causes};
use dougong_values::BeijingTime;
use maud::html;
use tracing::{error, info, warn};

use crate::door::{Door, Session, SignIn, cookie, is_own_form, sign_out};
use crate::http::{Answer, Method, Request};
use crate::lang::{self, Lang};
use crate::page::{self, ROOT, Visit, document};
use crate::pages;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");
/// How long a language is remembered, seconds.
const A_YEAR: i64 = 365 * 86_400;

/// Why a page is not shown, or a deed not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// What was asked or done failed.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// There is no such page, or no such document.
    #[error("there is no such page")]
    NotFound,
    /// The request makes no sense.
    #[error("the request makes no sense: {}", .0.en)]
    Nonsense(Texts),
    /// This person may only look.
    #[error("this person may only look")]
    Forbidden,
    /// The form is not ours, or its session is over.
    #[error("the form is not of this session")]
    NotOurs,
}

impl PageError {
    /// Says in both languages what makes no sense.
    pub(crate) const fn nonsense(en: &'static str, zh: &'static str) -> Self {
        Self::Nonsense(Texts { en, zh })
    }
}

/// Answers requests.
pub(crate) struct Router {
    door: Door,
    reached: Reached,
}

impl Router {
    pub(crate) fn new(parts: Parts) -> Result<Self, StartError> {
        parts.compile_formulas()?;
        let door = Door::new(&parts.secrets.console, parts.ledger.clone())?;
        let Parts { config, secrets, ledger, queue } = parts;
        Ok(Self { door, reached: Reached { config, secrets: Ok(secrets), ledger, queue } })
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: &Request) -> Answer {
        let started = Instant::now();
        let lang = Lang::of(request);
        let answer = match (request.method, request.path.trim_end_matches('/')) {
            (Method::Get, page::STYLE) => return Answer::file("text/css; charset=utf-8", STYLE),
            (Method::Get, page::ICON) => return Answer::file("image/svg+xml", ICON),
            (Method::Post, "/console/sign-in") => self.sign_in(request, lang).await,
            _ => self.signed_in(request, lang).await,
        };
        measure(answer.status, started);
        match Lang::chosen(request) {
            Some(chosen) => answer.setting(cookie(request, lang::COOKIE, chosen.name(), A_YEAR)),
            None => answer,
        }
    }

    async fn signed_in(&self, request: &Request, lang: Lang) -> Answer {
        let Some(session) = self.door.session(request, epoch_ms()) else {
            return match request.method {
                Method::Get => self.ask_in(request, lang, 200, None),
                Method::Post | Method::Other => {
                    self.ask_in(request, lang, 401, Some(pages::sign_in::Hint::SignedOut))
                }
            };
        };
        let visit = Visit { lang, session: &session, request, now: BeijingTime::now() };
        let operator = Operator::new(self.reached.clone(), &session.name);
        let answered = match request.method {
            Method::Get => Box::pin(look(&visit, &operator)).await,
            Method::Post => Box::pin(self.act(&visit, &operator, &session)).await,
            Method::Other => Err(PageError::NotFound),
        };
        answered.unwrap_or_else(|error| refused(&visit, &error))
    }

    async fn act(
        &self,
        visit: &Visit<'_>,
        operator: &Operator,
        session: &Session,
    ) -> Result<Answer, PageError> {
        let request = visit.request;
        if !is_own_form(request, session) {
            return Err(PageError::NotOurs);
        }
        if request.path == page::SIGN_OUT {
            return Ok(Answer::see(ROOT).setting(sign_out(request)));
        }
        if !visit.may_do() {
            return Err(PageError::Forbidden);
        }
        info!(path = request.path, who = session.name, "a person acts");
        match request.path.as_str() {
            page::REPLAY => pages::replay::act(visit, operator).await,
            page::DECIDE => pages::decide::act(visit, operator).await,
            page::PACE => pages::flow::act(visit, operator).await,
            page::SET_WATERMARK => pages::watermark::act(visit, operator).await,
            _ => Err(PageError::NotFound),
        }
    }

    /// Shows the form to sign in.
    fn ask_in(
        &self,
        request: &Request,
        lang: Lang,
        status: u16,
        hint: Option<pages::sign_in::Hint>,
    ) -> Answer {
        let (cookie, proof) = self.door.visit(request, epoch_ms());
        Answer::page(status, pages::sign_in::page(request, lang, &proof, hint)).setting(cookie)
    }

    async fn sign_in(&self, request: &Request, lang: Lang) -> Answer {
        use pages::sign_in::Hint;

        if request.is_from_elsewhere() {
            return self.ask_in(request, lang, 403, Some(Hint::Stale));
        }
        match self.door.sign_in(request, epoch_ms()).await {
            Ok(SignIn::Done(session)) => {
                info!("a person signed in");
                Answer::see(pages::sign_in::wanted(request)).setting(session)
            }
            Ok(SignIn::Wrong) => {
                warn!(reason = "wrong_token", "a sign-in was refused");
                self.ask_in(request, lang, 403, Some(Hint::Wrong))
            }
            Ok(SignIn::NoName) => self.ask_in(request, lang, 400, Some(Hint::NoName)),
            Ok(SignIn::Stale) => self.ask_in(request, lang, 403, Some(Hint::Stale)),
            Ok(SignIn::TooMany) => {
                warn!(reason = "too_many_tries", "a sign-in was refused");
                self.ask_in(request, lang, 429, Some(Hint::TooMany)).with("retry-after", "900".to_owned())
            }
            Err(problem) => {
                error!(error = with_causes(&problem), "nobody can sign in");
                self.ask_in(request, lang, 503, Some(Hint::Unavailable))
            }
        }
    }
}

/// Shows a page.
async fn look(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    match visit.request.path.trim_end_matches('/') {
        ROOT => Box::pin(pages::today::page(visit, operator)).await,
        page::ATTENTION => pages::attention::page(visit, operator).await,
        page::ATTENTION_CSV => pages::attention::csv(visit, operator).await,
        page::DOCUMENTS => pages::documents::page(visit, operator).await,
        page::DOCUMENTS_CSV => pages::documents::csv(visit, operator).await,
        page::DOCUMENT => Box::pin(pages::story::page(visit, operator)).await,
        page::FIND => pages::story::find(visit, operator),
        page::FLOW => pages::flow::page(visit, operator).await,
        page::RECONCILED => pages::reconciled::page(visit, operator).await,
        page::RECONCILED_CSV => pages::reconciled::csv(visit, operator).await,
        page::DEEDS => pages::deeds::page(visit, operator).await,
        page::REPLAY => pages::replay::confirm(visit, operator).await,
        page::DECIDE => pages::decide::confirm(visit, operator).await,
        page::PACE => pages::flow::confirm(visit, operator).await,
        page::WATERMARK => pages::watermark::page(visit, operator).await,
        page::SET_WATERMARK => pages::watermark::confirm(visit, operator).await,
        _ => Err(PageError::NotFound),
    }
}

/// Says why not, and what to do.
fn refused(visit: &Visit<'_>, error: &PageError) -> Answer {
    let (status, title, hint) = match error {
        PageError::Operate(problem) => {
            error!(error = with_causes(problem), path = visit.request.path, "a page failed");
            (
                503,
                visit.t("That did not work", "未能完成"),
                visit.t(
                    "The ledger or the queue did not answer. Load the page again in a moment; if it stays so, the function's log says why. Repeating a deed is harmless.",
                    "台账或队列没有应答。请稍后重新打开；若仍如此，函数日志中有原因。重复操作不会造成重复入账。",
                ),
            )
        }
        PageError::NotFound => (
            404,
            visit.t("Not found", "未找到"),
            visit.t(
                "There is no such page, or the ledger does not know the document. Check the key, or begin with Today.",
                "没有这个页面，或台账中没有这张单据。请核对单据键，或从“今天”开始。",
            ),
        ),
        PageError::Nonsense(_) => (
            400,
            visit.t("That cannot be read", "无法识别"),
            visit.t("Go back and fill in the form again.", "请返回重新填写。"),
        ),
        PageError::Forbidden => (
            403,
            visit.t("Read-only", "只读"),
            visit.t(
                "You are signed in to look. To do something, sign in with the operator's token.",
                "您以只读身份登录。如需操作，请使用操作员令牌登录。",
            ),
        ),
        PageError::NotOurs => (
            403,
            visit.t("Nothing was done", "未执行任何操作"),
            visit.t(
                "The form was not of this session. Go back, load the page again and repeat it.",
                "表单不属于当前会话。请返回、重新打开页面后再试。",
            ),
        ),
    };
    let content = html! {
        p { (hint) }
        @if let PageError::Nonsense(what) = error { p.note { (visit.lang.of_texts(*what)) } }
        @if let PageError::Operate(problem) = error { p.note { (visit.said(&with_causes(problem))) } }
        p { a href=(ROOT) { (visit.t("To Today", "返回今天")) } }
    };
    Answer::page(status, visit.page(title, "", &content))
}

/// Names the style's content, so that a browser may keep it for ever.
pub(crate) fn fingerprint() -> String {
    let sum = STYLE.bytes().fold(5_381_u64, |sum, byte| sum.wrapping_mul(33) ^ u64::from(byte));
    format!("{sum:x}")
}

/// Writes a page without a session.
pub(crate) fn plain(lang: Lang, title: &str, body: &maud::Markup) -> maud::Markup {
    document(lang, title, body)
}

fn measure(status: u16, started: Instant) {
    let mut metrics = Metrics::new("console", "all");
    metrics.count(match status {
        200..400 => "answered",
        401 | 403 | 429 => "refused",
        400..500 => "misdirected",
        _ => "unavailable",
    });
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}
