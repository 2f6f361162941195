//! What the parts of this program say, in Chinese.
//!
//! The parts that find problems say them in English and know no language. Here each sentence has its Chinese counterpart,
//! with the places of names and values kept; one without a counterpart stays as it is. Tests hold every sentence in the
//! source of those parts against the list. What the outside systems say stays as they said it.

use serde_json::Value;

mod documents;
mod systems;

/// Sentences in both languages. `{}` is a name or value that is kept, `{*}` a sentence of the list, `{~}` one that may have
/// no counterpart. The first that fits counts.
pub type Sentences = &'static [(&'static str, &'static str)];

const LISTS: [Sentences; 4] = [documents::DOCUMENTS, systems::READING, systems::CALLS, systems::PARTS];
/// The reasons of problems whose message is BIP's own.
const OF_BIP: [&str; 2] = ["refused", "busy"];

/// Says in Chinese what a part of this program says, link by link where a message is a chain of causes; what has no
/// counterpart stays as it is.
pub fn in_chinese(sentence: &str) -> String {
    if let Some(whole) = translated(sentence, &[]) {
        return whole;
    }
    for (between, joint) in [("\n", "\n"), ("; ", "；")] {
        let parts: Vec<&str> = sentence.split(between).collect();
        let said: Vec<String> = parts.iter().map(|part| in_chinese_link(part)).collect();
        if parts.len() > 1 && said.iter().zip(&parts).any(|(said, part)| said != part) {
            return said.join(joint);
        }
    }
    in_chinese_link(sentence)
}

fn in_chinese_link(sentence: &str) -> String {
    if let Some(whole) = translated(sentence, &[]) {
        return whole;
    }
    for (at, _) in sentence.match_indices(": ") {
        let (head, rest) = (&sentence[..at], &sentence[at + 2..]);
        if let Some(head) = translated(head, &[]) {
            return format!("{head}：{}", in_chinese(rest));
        }
        // The name of a field, a file or a command.
        let is_name = !head.contains(' ');
        let said = if is_name { in_chinese(rest) } else { String::new() };
        if is_name && said != rest {
            return format!("{head}：{said}");
        }
    }
    sentence.to_owned()
}

/// Says a whole sentence of this list, or of one with `more`, in Chinese; `None` for one that has no counterpart.
pub fn translated(sentence: &str, more: Sentences) -> Option<String> {
    LISTS.iter().copied().chain([more]).flatten().find_map(|(english, chinese)| {
        let values = places(english, sentence, more)?;
        let mut text = (*chinese).to_owned();
        // From the last place on: a value may itself look like a place.
        let mut marks: Vec<(usize, usize)> = (0..values.len())
            .filter_map(|index| Some((chinese.find(&format!("{{{index}}}"))?, index)))
            .collect();
        marks.sort_unstable();
        for (at, index) in marks.into_iter().rev() {
            text.replace_range(at..at + 3, &values[index]);
        }
        Some(text)
    })
}

/// What stands at a place.
#[derive(Clone, Copy)]
enum Place {
    Value,
    Sentence,
    PerhapsSentence,
}

fn next_place(pattern: &str) -> Option<(usize, usize, Place)> {
    [("{}", Place::Value), ("{*}", Place::Sentence), ("{~}", Place::PerhapsSentence)]
        .into_iter()
        .filter_map(|(mark, place)| Some((pattern.find(mark)?, mark.len(), place)))
        .min_by_key(|(at, _, _)| *at)
}

/// Returns what stands at the places of a sentence; `None` if it is another sentence.
fn places(english: &str, sentence: &str, more: Sentences) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let (mut pattern, mut rest) = (english, sentence);
    loop {
        let Some((at, length, place)) = next_place(pattern) else {
            return (pattern == rest).then_some(values);
        };
        rest = rest.strip_prefix(&pattern[..at])?;
        let is_quoted = pattern[..at].ends_with('`') && pattern[at + length..].starts_with('`');
        pattern = &pattern[at + length..];
        let end = match next_place(pattern) {
            Some((next, _, _)) => rest.find(&pattern[..next])?,
            None => rest.strip_suffix(pattern)?.len(),
        };
        let value = &rest[..end];
        if is_quoted && value.contains('`') {
            return None;
        }
        values.push(match place {
            Place::Sentence => translated(value, more)?,
            Place::PerhapsSentence => in_chinese(value),
            Place::Value => value.replace("` or `", "` 或 `"),
        });
        rest = &rest[end..];
    }
}

/// Says a problem of a document in Chinese: its message, its hint and what differs. What BIP said stays.
pub fn problem_in_chinese(problem: &Value) -> Value {
    let mut said = problem.clone();
    let reason = problem.get("reason").and_then(Value::as_str).unwrap_or_default();
    let Some(fields) = said.as_object_mut() else { return said };
    for (name, value) in fields {
        let is_sentence = match name.as_str() {
            "message" => !OF_BIP.contains(&reason),
            "hint" | "detail" | "differences" => true,
            // A count of lines, not a value of the document.
            "value" => value.as_str().is_some_and(|value| value.ends_with(" lines")),
            _ => false,
        };
        match value {
            Value::String(text) if is_sentence => *text = in_chinese(text),
            Value::Array(texts) if is_sentence => {
                for text in texts {
                    if let Value::String(text) = text {
                        *text = in_chinese(text);
                    }
                }
            }
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests;
