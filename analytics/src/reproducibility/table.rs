//! The table on screen.

use super::{
    Assessment, Reproducibility,
    conclusions::conclusions,
    laboratories::Kind,
    off::Off,
    words::{level, percent, range, short},
};
use crate::format::quantity;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// The width that the table keeps to where labels allow it.
const WIDTH: usize = 120;
/// Labels are not broken narrower than this.
const LEAST_LABEL: usize = 24;
/// What the frame takes beside a column's text.
const FRAME: usize = 3;

/// The benchmarks, worst first, and what follows.
#[must_use]
pub fn table(all: &Reproducibility) -> String {
    let mut text = String::new();
    if !all.benchmarks.is_empty() {
        let rows: Vec<Vec<String>> = all.benchmarks.iter().map(cells).collect();
        text.push_str(&draw(&heads(all), rows));
        text.push('\n');
    }
    for line in conclusions(all) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The names of the columns; lines of a cell are for narrow tables.
pub(super) fn heads(all: &Reproducibility) -> Vec<String> {
    let spread = format!("CV\n({} interval)", level(all.level));
    let reproducible = format!("within\n{}", level(all.limit));
    let next = format!("sessions\nfor ±{}", level(all.precision));
    ["benchmark", "sessions\n/nodes", "centre", &spread, &reproducible, "mostly\nfrom", "off", &next]
        .map(str::to_owned)
        .into()
}

/// A row of the table.
pub(super) fn cells(assessment: &Assessment) -> Vec<String> {
    let dash = || "–".to_owned();
    let mut flags: Vec<&str> = assessment.flags.keys().map(String::as_str).collect();
    flags.truncate(3);
    let flags = if flags.is_empty() { String::new() } else { format!(" [{}]", flags.join(" ")) };
    vec![
        assessment.title() + &flags,
        if assessment.nodes > 1 {
            format!("{}/{}", assessment.sessions, assessment.nodes)
        } else {
            assessment.sessions.to_string()
        },
        quantity(assessment.centre, &assessment.unit),
        assessment.spread.map_or_else(dash, |spread| {
            format!("{}\n({})", percent(spread.cv), range(spread.interval.low, spread.interval.high))
        }),
        assessment.reproducible.as_str().to_owned(),
        assessment.session_shares.as_ref().map_or_else(dash, |shares| {
            let (name, share) = shares.largest();
            let apart = shares.nodes.is_some() || assessment.nodes < 2 || name != "sessions";
            format!("{}\n{:.0} %", if apart { name } else { "nodes or\nsessions" }, share * 100.0)
        }),
        off(&assessment.off),
        match &assessment.plan {
            Some(plan) => plan.sessions.map_or_else(|| "∞".to_owned(), |sessions| sessions.to_string()),
            None => dash(),
        },
    ]
}

/// The first that is off, and how many more.
fn off(off: &[Off]) -> String {
    let Some(first) = off.first() else { return "–".to_owned() };
    let mut text = format!("{} {}", short(first.kind, &first.name), first.way());
    if first.kind == Kind::Session {
        text.push_str(&format!("\nof {}", first.node));
    }
    if off.len() > 1 {
        text.push_str(&format!("\n{} more", off.len() - 1));
    }
    text
}

/// Labels are broken at commas so that the table keeps its width; numbers stand to the right.
fn draw(heads: &[String], mut rows: Vec<Vec<String>>) -> String {
    let width = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let column =
        |i: usize| rows.iter().map(|row| width(&row[i])).chain([width(&heads[i])]).max().unwrap_or(0) + FRAME;
    let others: usize = (1..heads.len()).map(column).sum();
    let room = WIDTH.saturating_sub(others + FRAME + 1).max(LEAST_LABEL);
    for row in &mut rows {
        row[0] = broken(&row[0], room);
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads.iter().map(Cell::new));
    for i in [1, 2, 3, 7] {
        if let Some(column) = table.column_mut(i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    format!("{table}\n")
}

/// `text` in lines of at most `room` letters, broken after commas, braces and spaces; longer pieces stay whole.
fn broken(text: &str, room: usize) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for piece in text.split_inclusive([',', '{', ' ']) {
        if !line.is_empty() && line.chars().count() + piece.trim_end().chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(piece);
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long label breaks between its parameters and loses nothing.
    #[test]
    fn labels_break_at_commas() {
        let label = "cpu.gemm{dtype=f32,n=512,threads=16,transpose=none}";
        let found = broken(label, 26);
        assert_eq!(found, "cpu.gemm{dtype=f32,n=512,\nthreads=16,transpose=none}");
        assert_eq!(found.replace('\n', ""), label);
        assert_eq!(broken("short", 26), "short");
    }
}
