//! Sending documents again: what would become of them, then the deed.

use dougong_operate::{Becomes, Operator, Preview, Sent};
use dougong_values::DocumentKey;
use maud::{Markup, html};

use super::story::problems;
use super::{PAGE_ROWS, Wanted};
use crate::http::{Answer, link};
use crate::page::{ATTENTION, DOCUMENT, REPLAY, Visit, amount, amount_cell, to_document};
use crate::router::PageError;

/// Asks before anything is sent: one document, several, or all of a reason.
pub(crate) async fn confirm(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let query = &visit.request.query;
    let named: Vec<DocumentKey> =
        query.all("key").filter_map(|text| text.parse().ok()).take(PAGE_ROWS).collect();
    let (keys, all) = if named.is_empty() {
        let wanted = Wanted::of(visit);
        let needs = operator.needs().await?;
        let fitting: Vec<DocumentKey> =
            needs.documents.iter().filter(|row| wanted.fits(row)).map(|row| row.key.clone()).collect();
        let all = fitting.len();
        (fitting.into_iter().take(PAGE_ROWS).collect(), all)
    } else {
        let all = named.len();
        (named, all)
    };
    let previews = operator.preview(&keys).await?;
    let sendable: Vec<&Preview> = previews.iter().filter(|preview| preview.sendable).collect();
    let title = visit.t("Send again?", "重新发送？");
    let content = html! {
        p { (visit.t(
            "Each document is mapped anew with the configuration of today and sent to BIP under its own key: what BIP has already is not booked again. Nothing has been sent yet.",
            "每张单据将按当前配置重新映射，并以原有幂等键发送至 BIP：BIP 中已有的不会重复入账。目前尚未发送。",
        )) }
        @if all > keys.len() {
            p.note { (visit.t("There are more of them; these come first: ", "符合条件的单据更多，先处理这一批：")) (keys.len()) " / " (all) }
        }
        (table(visit, &previews))
        @if sendable.is_empty() {
            p.alert { (visit.t(
                "None of these can be sent with the configuration of today. Mend the table or the rule first, deploy it, and come back.",
                "按当前配置没有可发送的单据。请先修正对照表或规则并发布，再回到此处。",
            )) }
        } @else if visit.may_do() {
            form method="post" action=(REPLAY) {
                (visit.csrf())
                @for preview in &sendable { input type="hidden" name="key" value=(preview.key); }
                p { label for="why" { (visit.t("Why (kept beside your name)", "原因（与您的姓名一并留痕）")) }
                    input #why name="why" maxlength="200" autocomplete="off"; }
                p.actions {
                    button type="submit" { (visit.t("Send again: ", "确认重新发送：")) (sendable.len()) }
                    a href=(ATTENTION) { (visit.t("Leave it", "取消")) }
                }
            }
        }
    };
    Ok(Answer::page(200, visit.page(title, ATTENTION, &content)))
}

fn table(visit: &Visit<'_>, previews: &[Preview]) -> Markup {
    html! {
        div.wide {
            table.stacked {
                caption { (visit.t("What would become of them today", "按当前配置的结果")) }
                thead { tr {
                    th scope="col" { (visit.t("Document", "单据")) }
                    th scope="col" { (visit.t("So far", "目前")) }
                    th.number scope="col" { (visit.t("Amount", "金额")) }
                    th scope="col" { (visit.t("Would become", "将成为")) }
                } }
                tbody {
                    @for preview in previews {
                        tr.dim[!preview.sendable] {
                            th scope="row" { (to_document(preview.key.as_str())) }
                            td { @if let Some(place) = preview.place { (visit.badge(place)) " " (visit.reason(preview.reason.as_deref())) } @else { (visit.t("unknown to the ledger", "台账中没有")) } }
                            (amount_cell(preview.amount))
                            td { (becomes(visit, preview)) }
                        }
                    }
                }
            }
        }
    }
}

fn becomes(visit: &Visit<'_>, preview: &Preview) -> Markup {
    html! {
        @match &preview.becomes {
            Becomes::Voucher { code, amount: money, .. } => {
                (visit.t("a voucher", "凭单")) @if let Some(code) = code { " " code { (code) } } " · " (amount(*money))
                @if preview.amount.is_some_and(|own| own != *money) { " " strong { (visit.t("(another amount)", "（金额不同）")) } }
            }
            Becomes::Parked { problems: found } => { (visit.t("parked again", "仍无法入账")) (problems(visit, found)) }
            Becomes::Skipped { reason } => { (visit.t("left out: ", "不入账：")) (visit.reason(Some(reason))) }
            Becomes::Settled => (visit.t("looked up in BIP first", "先在 BIP 中查询")),
            Becomes::Sent => (visit.t("sent; only then is it known", "发送后方知")),
            Becomes::Nothing => (visit.t("nothing: booked, under way, or its text is gone", "无需发送：已入账、处理中或原文已删除")),
        }
    }
}

/// Sends them.
pub(crate) async fn act(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let form = &visit.request.form;
    let keys: Result<Vec<DocumentKey>, PageError> =
        form.all("key").take(PAGE_ROWS).map(|text| super::key(Some(text))).collect();
    let keys = keys?;
    if keys.is_empty() {
        return Err(PageError::nonsense("no document was named", "没有指定单据"));
    }
    let done = operator.replay(&keys, form.get("why"), |_| ()).await?;
    let sent = done.documents.iter().filter(|(_, sent)| *sent == Sent::Queued).count();
    let not = done.documents.len() - sent;
    let to = match (keys.as_slice(), sent) {
        ([one], 1) => link(DOCUMENT, &[("key", one.as_str()), ("done", "sent")]),
        ([one], _) => link(DOCUMENT, &[("key", one.as_str()), ("done", "not")]),
        _ => link(ATTENTION, &[("sent", &sent.to_string()), ("not", &not.to_string())]),
    };
    Ok(Answer::see(to))
}
