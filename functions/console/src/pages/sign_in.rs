//! The way in.

use maud::{Markup, html};

use crate::http::{Method, Request};
use crate::lang::Lang;
use crate::page::{ROOT, other_language};
use crate::router::plain;

/// Why somebody is not in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hint {
    Wrong,
    NoName,
    Stale,
    TooMany,
    Unavailable,
    SignedOut,
}

impl Hint {
    const fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Wrong => lang.pick(
                "No such token. It is console.token (or read_only_token) in the secrets; docs/console.md says where.",
                "令牌不正确。令牌即密钥中的 console.token（或 read_only_token），位置见 docs/console.zh-CN.md。",
            ),
            Self::NoName => lang.pick(
                "Give your name, at most 40 characters: it stands beside whatever you do.",
                "请填写姓名（不超过 40 个字）：您的操作会以此署名留痕。",
            ),
            Self::Stale => {
                lang.pick("The form was too old. Fill it in again.", "表单已过期，请重新填写。")
            }
            Self::TooMany => lang.pick(
                "Too many tries from your address. Wait a quarter of an hour.",
                "您的地址尝试次数过多，请 15 分钟后再试。",
            ),
            Self::Unavailable => lang.pick(
                "The ledger does not answer, so nobody can sign in now. Try again in a moment.",
                "台账暂无应答，暂时无法登录，请稍后再试。",
            ),
            Self::SignedOut => lang.pick(
                "Your session is over, so nothing was done. Sign in and repeat it.",
                "会话已结束，刚才的操作未执行。请登录后重试。",
            ),
        }
    }
}

/// Writes the form.
pub(crate) fn page(request: &Request, lang: Lang, proof: &str, hint: Option<Hint>) -> Markup {
    let title = lang.pick("Sign in", "登录");
    let name = request.form.get("name").unwrap_or_default();
    let body = html! {
        main.door #main tabindex="-1" {
            p.brand { "斗拱 " span lang="en" { "Dougong" } }
            h1 { (title) }
            @if let Some(hint) = hint { p.alert role="alert" { (hint.words(lang)) } }
            form method="post" action="/console/sign-in" {
                input type="hidden" name="csrf" value=(proof);
                input type="hidden" name="next" value=(wanted(request));
                p {
                    label for="name" { (lang.pick("Your name", "您的姓名")) }
                    input #name name="name" value=(name) required maxlength="40" autocomplete="username";
                }
                p {
                    label for="token" { (lang.pick("Token", "令牌")) }
                    input #token name="token" type="password" required autocomplete="current-password" spellcheck="false";
                }
                p { button type="submit" { (title) } }
            }
            p { (other_language(request, lang)) }
        }
    };
    plain(lang, title, &body)
}

/// Returns where somebody wanted to go: a page of ours, or the first one.
pub(crate) fn wanted(request: &Request) -> String {
    let asked = match request.method {
        Method::Get => {
            let query = request.query.without("lang");
            if query.is_empty() { request.path.clone() } else { format!("{}?{query}", request.path) }
        }
        Method::Post | Method::Other => request.form.get("next").unwrap_or_default().to_owned(),
    };
    // Its first segment is ours, so that no other site can be meant.
    let ours = asked == ROOT || asked.starts_with("/console/") || asked.starts_with("/console?");
    let plain = asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours && plain { asked } else { ROOT.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpRequest;
    use serde_json::json;

    #[test]
    fn nobody_is_sent_to_another_site() {
        let next = |text: &str| {
            let body = form_urlencoded::Serializer::new(String::new()).append_pair("next", text).finish();
            let event = json!({"body": body, "requestContext": {"http": {"method": "POST"}}});
            wanted(&serde_json::from_value::<HttpRequest>(event).unwrap().into())
        };
        assert_eq!(next("/console/document?key=a%23b"), "/console/document?key=a%23b");
        for foreign in
            ["https://example.com", "//example.com", "/consolex", "/console/\r\nset-cookie:a", "/store", ""]
        {
            assert_eq!(next(foreign), ROOT, "{foreign}");
        }
    }
}
