//! The comparison for a pull request: the summary first, what changed in a table, the rest folded away.

use super::words;
use crate::decide::{Compared, Comparison};
use benchlake_schemas::Outcome;

/// A comment of GitHub holds 65,536 letters: so many rows of a table fit with room to spare.
const ROWS: usize = 100;

/// The whole text.
pub(super) fn markdown(comparison: &Comparison) -> String {
    let mut text = format!("### {}\n\n{}.\n", headline(comparison), words::summary(comparison));
    let by = |outcome| comparison.compared.iter().filter(move |one| one.decision.outcome == outcome);
    let told: Vec<&Compared> =
        by(Outcome::Regression).chain(by(Outcome::Improvement)).chain(by(Outcome::Inconclusive)).collect();
    if !told.is_empty() {
        text.push_str(&format!("\n{}", table(comparison, &told)));
    }
    let equivalent: Vec<&Compared> = by(Outcome::Equivalent).collect();
    if !equivalent.is_empty() {
        let head = format!("{} equivalent within their margins", equivalent.len());
        text.push_str(&details(&head, &table(comparison, &equivalent)));
    }
    text.push_str(&details("How it was compared", &how(comparison)));
    text
}

fn headline(comparison: &Comparison) -> String {
    let counts = words::Counts::of(comparison);
    let what = match counts {
        words::Counts { critical: 1.., .. } => "🔴 Critical regression",
        words::Counts { regressions: 1.., .. } => "🟠 Regression",
        words::Counts { inconclusive: 1.., improvements: 0, equivalent: 0, .. } => "⚪ Inconclusive",
        words::Counts { improvements: 1.., .. } => "🟢 Improvement, no regression",
        _ => "🟢 No regression",
    };
    format!("{what}: {} against {}", code(&comparison.new.selector), code(&comparison.base.selector))
}

fn table(comparison: &Comparison, rows: &[&Compared]) -> String {
    let mut text = format!(
        "| verdict | benchmark | change (+ is worse) | {} interval, % | base → new | sessions |\n\
         | --- | --- | ---: | ---: | ---: | --- |\n",
        words::share(comparison.level)
    );
    for one in rows.iter().take(ROWS) {
        let interval = words::interval(one).unwrap_or_else(|| "–".to_owned());
        let word = words::verdict(&one.decision);
        let word =
            if one.decision.outcome == Outcome::Regression { format!("**{word}**") } else { word.to_owned() };
        text.push_str(&format!(
            "| {word} | {} | {} | {interval} | {} | {} |\n",
            code(&one.title()),
            words::change(one),
            words::base_to_new(one),
            words::sessions(one)
        ));
    }
    if rows.len() > ROWS {
        text.push_str(&format!("\nand {} more: `--format csv` has all.\n", rows.len() - ROWS));
    }
    text
}

fn how(comparison: &Comparison) -> String {
    let mut lines = vec![
        format!("base {}: {}", code(&comparison.base.selector), escaped(&words::side(&comparison.base))),
        format!("new {}: {}", code(&comparison.new.selector), escaped(&words::side(&comparison.new))),
        escaped(&words::layout(comparison)),
        escaped(&words::discoveries(comparison)),
    ];
    lines.extend(words::remarks(comparison).iter().map(|line| escaped(line)));
    lines.extend(
        words::next(comparison).iter().chain(&words::explained(comparison)).map(|line| escaped(line)),
    );
    lines.push(format!("The same again: {}", code(&comparison.command())));
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

fn details(summary: &str, body: &str) -> String {
    format!("\n<details>\n<summary>{summary}</summary>\n\n{body}\n</details>\n")
}

/// As code, in a cell of a table too: between more backticks than are inside.
fn code(text: &str) -> String {
    let text = words::one_line(text).replace('|', "\\|");
    let mut fence = "`".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    if fence.len() > 1 { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

/// Text whose letters mean nothing to Markdown or HTML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in words::one_line(text).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '@' => out.extend(['\\', letter]),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names mean nothing to Markdown, whatever is in them.
    #[test]
    fn escapes() {
        assert_eq!(code("cpu.x{a=b|c}"), "`cpu.x{a=b\\|c}`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(escaped("<b>_x_ & @you"), "&lt;b>\\_x\\_ &amp; \\@you");
    }
}
