//! What a person decides about a document: not to book it, or what becomes of a change.

use dougong_ledger::Decision;
use dougong_operate::{Advice, Next, Operator, Settled};
use maud::html;

use crate::http::{Answer, link};
use crate::page::{ATTENTION, DECIDE, DOCUMENT, Visit, amount};
use crate::router::PageError;

/// The decisions that have a page.
const ALL: [Next; 5] = [Next::Skip, Next::SkipUnsettled, Next::Accept, Next::Dismiss, Next::Dissolve];

/// Returns the name in URLs.
pub(super) const fn name(next: Next) -> &'static str {
    match next {
        Next::Wait => "wait",
        Next::Replay => "replay",
        Next::Skip => "skip",
        Next::SkipUnsettled => "skip-unsettled",
        Next::Accept => "accept",
        Next::Dismiss => "dismiss",
        Next::Dissolve => "dissolve",
    }
}

/// Returns the words of the button.
pub(super) const fn words(visit: &Visit<'_>, next: Next) -> &'static str {
    match next {
        Next::Wait => visit.t("Wait", "等待"),
        Next::Replay => visit.t("Send again", "重新发送"),
        Next::Skip => visit.t("Do not book it", "不入账"),
        Next::SkipUnsettled => visit.t("Do not book it (I looked into BIP)", "不入账（已在 BIP 核对）"),
        Next::Accept => visit.t("The voucher in BIP was corrected", "BIP 中已更正"),
        Next::Dismiss => visit.t("Leave the voucher as it is", "保持原凭单不变"),
        Next::Dissolve => visit.t("Put the merged voucher together anew", "解散汇总单，重新汇总"),
    }
}

/// Says what the decision means.
const fn meaning(visit: &Visit<'_>, next: Next) -> &'static str {
    match next {
        Next::Skip => visit.t(
            "It is not booked. Its text is kept for a while, so that it can still be sent again.",
            "该单据不入账。原文会保留一段时间，届时仍可重新发送。",
        ),
        Next::SkipUnsettled => visit.t(
            "It was sent and nobody knows what came of it. Look for its code in BIP first: what is there stays there.",
            "该单据已发送但结果未知。请先在 BIP 中按单据编码查询：BIP 中已有的不会被删除。",
        ),
        Next::Accept => visit.t(
            "You corrected the voucher in BIP by hand: the ledger takes the change as booked.",
            "您已在 BIP 中手工更正凭单：台账将按变更后的内容记为已入账。",
        ),
        Next::Dismiss => visit.t(
            "The voucher in BIP stays as it is; this change is not asked about again.",
            "BIP 中的凭单保持不变；该变更不再提示。",
        ),
        Next::Dissolve => visit.t(
            "The merged voucher is given up; its orders are put together anew at the next closing.",
            "放弃该汇总单；其所含订单将在下次汇总时重新汇总。",
        ),
        Next::Wait | Next::Replay => "",
    }
}

fn wanted(text: Option<&str>) -> Result<Next, PageError> {
    let found = ALL.into_iter().find(|next| Some(name(*next)) == text);
    found.ok_or(PageError::nonsense("there is no such decision", "没有这种处理"))
}

/// Asks before anything is decided.
pub(crate) async fn confirm(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let query = &visit.request.query;
    let key = super::key(query.get("key"))?;
    let next = wanted(query.get("do"))?;
    let story = operator.story(&key).await?.ok_or(PageError::NotFound)?;
    let fits = fits(&story.advice, next);
    let title = format!("{}{}", words(visit, next), visit.t("?", "？"));
    let content = html! {
        p { code { (key) } " " (visit.badge(story.place)) @if let Some(money) = story.amount { " · " (amount(money)) } }
        p { (meaning(visit, next)) }
        @if !fits {
            p.alert { (visit.t("This does not fit how the document stands now.", "该操作不适用于单据目前的状态。")) }
        } @else if visit.may_do() {
            form method="post" action=(DECIDE) {
                (visit.csrf())
                input type="hidden" name="key" value=(key);
                input type="hidden" name="do" value=(name(next));
                p { label for="why" { (visit.t("Why (kept beside your name)", "原因（与您的姓名一并留痕）")) }
                    input #why name="why" required maxlength="200" autocomplete="off"; }
                p.actions {
                    button type="submit" { (words(visit, next)) }
                    a href=(link(DOCUMENT, &[("key", key.as_str())])) { (visit.t("Leave it", "取消")) }
                }
            }
        }
    };
    Ok(Answer::page(200, visit.page(&title, ATTENTION, &content)))
}

fn fits(advice: &Advice, next: Next) -> bool {
    advice.has(next)
}

/// Carries the decision out.
pub(crate) async fn act(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let form = &visit.request.form;
    let key = super::key(form.get("key"))?;
    let why = form.get("why").ok_or(PageError::nonsense("say why", "请填写原因"))?;
    let decision = match wanted(form.get("do"))? {
        Next::Skip => Decision::Skip,
        Next::SkipUnsettled => Decision::SkipUnsettled,
        Next::Accept => Decision::AcceptChange,
        Next::Dismiss => Decision::DismissChange,
        Next::Dissolve => return Ok(told(&key, operator.dissolve(&key, why).await?)),
        Next::Wait | Next::Replay => {
            return Err(PageError::nonsense("there is no such decision", "没有这种处理"));
        }
    };
    Ok(told(&key, operator.settle(&key, decision, why).await?))
}

fn told(key: &dougong_values::DocumentKey, settled: Settled) -> Answer {
    let done = match settled {
        Settled::Done => "settled",
        Settled::Not(_) | Settled::Absent => "not",
    };
    Answer::see(link(DOCUMENT, &[("key", key.as_str()), ("done", done)]))
}
