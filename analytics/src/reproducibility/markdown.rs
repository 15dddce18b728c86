//! The table for a pull request or a wiki.

use super::{
    Reproducibility,
    conclusions::conclusions,
    table::{cells, heads},
};

/// A table of Markdown, worst first, and what follows as a list.
#[must_use]
pub fn markdown(all: &Reproducibility) -> String {
    let mut text = String::new();
    let heads = heads(all);
    if !all.benchmarks.is_empty() {
        text.push_str(&line(&heads));
        let rule = ["---", "--:", "--:", "--:", "---", "---", "---", "--:"].map(str::to_owned);
        text.push_str(&format!("|{}|\n", rule.join("|")));
        for benchmark in &all.benchmarks {
            text.push_str(&line(&cells(benchmark)));
        }
        text.push('\n');
    }
    for conclusion in conclusions(all) {
        text.push_str(&format!("- {}\n", escaped(&conclusion)));
    }
    text
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// What Markdown would take for its own: bars end cells, stars and underscores and angles change letters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' => escaped.extend(['\\', letter]),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a benchmark is called does not change the table.
    #[test]
    fn names_do_not_break_the_table() {
        assert_eq!(escaped("a|b_c\nd<e>"), "a\\|b\\_c d\\<e\\>");
        assert_eq!(line(&["x|y".into(), "z".into()]), "| x\\|y | z |\n");
    }
}
