//! The frame of every page, and how values are written.

use dougong_operate::{Place, exclusion, in_chinese, reason};
use dougong_values::{BeijingTime, Money};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rust_decimal::Decimal;

use crate::door::{Role, Session};
use crate::http::{Method, Request, link};
use crate::lang::Lang;

/// Where the page lives.
pub(crate) const ROOT: &str = "/console";
pub(crate) const ATTENTION: &str = "/console/attention";
pub(crate) const DOCUMENTS: &str = "/console/documents";
pub(crate) const DOCUMENT: &str = "/console/document";
pub(crate) const FLOW: &str = "/console/flow";
pub(crate) const RECONCILED: &str = "/console/reconciliation";
pub(crate) const DEEDS: &str = "/console/deeds";
pub(crate) const REPLAY: &str = "/console/replay";
pub(crate) const DECIDE: &str = "/console/decide";
pub(crate) const PACE: &str = "/console/pace";
pub(crate) const WATERMARK: &str = "/console/watermark";
pub(crate) const SET_WATERMARK: &str = "/console/set-watermark";
pub(crate) const SIGN_OUT: &str = "/console/sign-out";
pub(crate) const FIND: &str = "/console/find";
pub(crate) const ATTENTION_CSV: &str = "/console/attention.csv";
pub(crate) const DOCUMENTS_CSV: &str = "/console/documents.csv";
pub(crate) const RECONCILED_CSV: &str = "/console/reconciliation.csv";
pub(crate) const STYLE: &str = "/console/style.css";
pub(crate) const ICON: &str = "/console/icon.svg";

/// What every page knows about who looks, and in which language.
pub(crate) struct Visit<'a> {
    pub(crate) lang: Lang,
    pub(crate) session: &'a Session,
    pub(crate) request: &'a Request,
    pub(crate) now: BeijingTime,
}

impl Visit<'_> {
    /// Picks the text of the language.
    pub(crate) const fn t(&self, en: &'static str, zh: &'static str) -> &'static str {
        self.lang.pick(en, zh)
    }

    /// Tells whether this person may do anything but look.
    pub(crate) fn may_do(&self) -> bool {
        self.session.role == Role::Operator
    }

    /// Writes a page with its navigation.
    pub(crate) fn page(&self, title: &str, here: &str, content: &Markup) -> Markup {
        let places = [
            (ROOT, self.t("Today", "今天")),
            (ATTENTION, self.t("Needs a person", "待人工处理")),
            (DOCUMENTS, self.t("Documents", "单据")),
            (RECONCILED, self.t("Reconciliation", "对账")),
            (FLOW, self.t("Watermarks and pace", "水位与频率")),
            (DEEDS, self.t("History", "操作记录")),
        ];
        let frame = html! {
            header {
                a.brand href=(ROOT) { "斗拱 " span lang="en" { "Dougong" } }
                nav aria-label=(self.t("Pages", "页面")) {
                    ul {
                        @for (path, name) in places {
                            li { a href=(path) aria-current=[(path == here).then_some("page")] { (name) } }
                        }
                    }
                }
                form.find action=(FIND) method="get" role="search" {
                    label.quiet for="find" { (self.t("Document", "单据")) }
                    input #find name="key" required autocomplete="off" spellcheck="false"
                        placeholder=(self.t("stockout id or key", "出库单号或单据键"));
                    button type="submit" { (self.t("Find", "查找")) }
                }
                div.who {
                    span { (self.session.name) @if !self.may_do() { " · " (self.t("read-only", "只读")) } }
                    (other_language(self.request, self.lang))
                    form action=(SIGN_OUT) method="post" {
                        (self.csrf())
                        button.link type="submit" { (self.t("Sign out", "退出")) }
                    }
                }
            }
            main #main tabindex="-1" {
                h1 { (title) }
                (content)
            }
        };
        document(self.lang, title, &frame)
    }

    /// Writes what proves that a form is this session's own.
    pub(crate) fn csrf(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.session.csrf); }
    }

    /// Writes how long ago something was.
    pub(crate) fn ago(&self, time: BeijingTime) -> Markup {
        let text = self.lasting(self.now.seconds_since(time).max(0));
        html! { time datetime=(format!("{}+08:00", time.to_string().replace(' ', "T"))) title=(time) { (text) } }
    }

    /// Writes how long ago something was, in the largest unit.
    fn lasting(&self, seconds: i64) -> String {
        match self.lang {
            Lang::En => format!("{} ago", self.span(seconds)),
            Lang::Zh => format!("{}前", self.span(seconds)),
        }
    }

    /// Writes a span of time in its largest unit.
    pub(crate) fn span(&self, seconds: i64) -> String {
        let (count, en, zh) = match seconds {
            0..60 => (seconds, "s", "秒"),
            60..5_400 => (seconds / 60, "min", "分钟"),
            5_400..172_800 => (seconds / 3_600, "h", "小时"),
            _ => (seconds / 86_400, "days", "天"),
        };
        format!("{count} {}", self.t(en, zh))
    }

    /// Names where a document stands.
    pub(crate) const fn place(&self, place: Place) -> &'static str {
        match place {
            Place::Queued => self.t("queued", "排队中"),
            Place::Waiting => self.t("waits to be merged", "等待汇总"),
            Place::Posting => self.t("being sent", "发送中"),
            Place::Unknown => self.t("outcome unknown", "结果未知"),
            Place::Parked => self.t("parked", "待处理"),
            Place::Held => self.t("change held", "变更待定"),
            Place::Posted => self.t("booked", "已入账"),
            Place::Skipped => self.t("skipped", "不入账"),
        }
    }

    /// Writes where a document stands as a badge.
    pub(crate) fn badge(&self, place: Place) -> Markup {
        html! { span class=(format!("badge {}", place.as_str())) { (self.place(place)) } }
    }

    /// Names a reason: in words where this version has them, with its stable name.
    pub(crate) fn reason(&self, name: Option<&str>) -> String {
        let Some(name) = name else { return self.t("no reason given", "未注明原因").to_owned() };
        let words = reason(name).map(|words| words.meaning).or_else(|| exclusion(name));
        words.map_or_else(|| name.to_owned(), |words| self.lang.of_texts(words).to_owned())
    }

    /// Says in the language what a part of the program says in English.
    pub(crate) fn said(&self, sentence: &str) -> String {
        match self.lang {
            Lang::En => sentence.to_owned(),
            Lang::Zh => in_chinese(sentence),
        }
    }

    /// Says what is done about a reason.
    pub(crate) fn what_to_do(&self, name: Option<&str>) -> &'static str {
        name.and_then(reason).map_or("", |words| self.lang.of_texts(words.what_to_do))
    }

    /// Writes a count, as the least there is where not everything was counted.
    pub(crate) fn count(&self, count: u64, complete: bool) -> String {
        match (complete, self.lang) {
            (true, _) => grouped(&count.to_string()),
            (false, Lang::En) => format!("over {}", grouped(&count.to_string())),
            (false, Lang::Zh) => format!("{} 以上", grouped(&count.to_string())),
        }
    }

    /// Says that a page shows the beginning of a list alone.
    pub(crate) fn incomplete(&self) -> Markup {
        html! {
            p.note { (self.t(
                "There are more documents than one page reads: counts and sums are of those that were read, and the true ones are higher.",
                "单据多于本页一次读取的数量：件数和金额仅为已读取部分，实际更多。",
            )) }
        }
    }
}

/// Writes an instant.
pub(crate) fn at(time: BeijingTime) -> Markup {
    html! { time datetime=(format!("{}+08:00", time.to_string().replace(' ', "T"))) { (time) } }
}

/// Writes a link to a document.
pub(crate) fn to_document(key: &str) -> Markup {
    html! { a href=(link(DOCUMENT, &[("key", key)])) { code { (key) } } }
}

/// Writes the link to the same page in the other language.
pub(crate) fn other_language(request: &Request, lang: Lang) -> Markup {
    let other = lang.other();
    let rest = request.query.without("lang");
    let joint = if rest.is_empty() { "" } else { "&" };
    // What was posted is not asked for again.
    let path = if request.method == Method::Get { request.path.as_str() } else { ROOT };
    let href = format!("{path}?{rest}{joint}lang={}", other.name());
    html! { a.lang href=(href) lang=(other.tag()) hreflang=(other.tag()) { (other.pick("English", "中文")) } }
}

/// Writes a whole document.
pub(crate) fn document(lang: Lang, title: &str, body: &Markup) -> Markup {
    let style = format!("{STYLE}?v={}", crate::router::fingerprint());
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                title { (title) " · Dougong" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href=(style);
                link rel="icon" href=(ICON) type="image/svg+xml";
            }
            body {
                a.skip href="#main" { (lang.pick("Skip to the content", "跳到正文")) }
                (body)
            }
        }
    }
}

/// Writes an amount with two places and grouped digits.
pub(crate) fn amount(money: Money) -> String {
    let decimal = money.decimal();
    // Amounts of more places are written as they are: nothing is rounded away.
    let text =
        if decimal.normalize().scale() > 2 { decimal.normalize().to_string() } else { two_places(decimal) };
    grouped(&text)
}

fn two_places(decimal: Decimal) -> String {
    format!("{decimal:.2}")
}

/// Writes an amount in a cell.
pub(crate) fn amount_cell(money: Option<Money>) -> Markup {
    html! { td.number { @if let Some(money) = money { (amount(money)) } } }
}

/// Groups the digits before the point by three.
fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// Writes one choice of a list.
pub(crate) fn option(value: &str, words: &str, chosen: Option<&str>) -> Markup {
    html! { option value=(value) selected[chosen == Some(value)] { (words) } }
}

/// Nothing.
pub(crate) const NOTHING: Markup = PreEscaped(String::new());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_never_rounded() {
        let of = |text: &str| amount(text.parse().unwrap());
        assert_eq!(of("1234567.8"), "1,234,567.80");
        assert_eq!(of("-999"), "-999.00");
        assert_eq!(of("-1000"), "-1,000.00");
        assert_eq!(of("0.1250"), "0.125");
        assert_eq!(of("0"), "0.00");
    }
}
