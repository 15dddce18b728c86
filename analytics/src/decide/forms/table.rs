//! The comparison on screen: worst first, with a forest plot.

use super::{
    Screen,
    forest::{Axis, Mark, line},
    names::Names,
    words,
};
use crate::decide::{Compared, Comparison};
use benchlake_schemas::{Outcome, Severity};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::NOTHING};

/// Of outcomes that need no one's attention so many are listed.
const LISTED: usize = 30;
/// The widest label before it is shortened, whatever the screen.
const LEAST_LABEL: usize = 16;
/// How wide the plot is.
const PLOT: usize = 21;

/// The whole text.
pub(super) fn table(comparison: &Comparison, screen: Screen) -> String {
    let (shown, folded) = folded(comparison);
    let mut text = String::new();
    for (name, side) in [("base", &comparison.base), ("new ", &comparison.new)] {
        text.push_str(&wrapped(&format!("{name} {}: {}", side.selector, words::side(side)), screen.width));
    }
    text.push('\n');
    text.push_str(&rows(comparison, &shown, screen));
    for line in folded {
        text.push_str(&format!(" … {line}\n"));
    }
    text.push('\n');
    for line in footer(comparison) {
        text.push_str(&wrapped(&line, screen.width));
    }
    // Not wrapped: it is there to be copied.
    text + &format!("The same again: {}\n", words::one_line(&comparison.command()))
}

/// The rows that are listed, and a line for each outcome of which there are too many.
fn folded(comparison: &Comparison) -> (Vec<&Compared>, Vec<String>) {
    let mut shown: Vec<&Compared> = comparison.compared.iter().collect();
    let mut lines = Vec::new();
    let keep = |outcome| match outcome {
        Outcome::Regression => usize::MAX,
        Outcome::Equivalent => 0,
        Outcome::Improvement | Outcome::Inconclusive => LISTED,
    };
    for outcome in [Outcome::Inconclusive, Outcome::Equivalent, Outcome::Improvement] {
        let all = shown.iter().filter(|one| one.decision.outcome == outcome).count();
        if all > LISTED {
            let mut left = keep(outcome);
            shown.retain(|one| {
                let is_of = one.decision.outcome == outcome;
                let stays = !is_of || left > 0;
                left = left.saturating_sub(usize::from(is_of));
                stays
            });
            let more = if keep(outcome) == 0 { "" } else { "more " };
            lines.push(format!("{} {more}{outcome}: --format csv shows all", all - keep(outcome)));
        }
    }
    (shown, lines)
}

/// A column: its head of two lines, whether it holds numbers, and the cell of each row.
struct Column {
    head: [String; 2],
    is_number: bool,
    cells: Vec<String>,
}

impl Column {
    fn new(head: [&str; 2], shown: &[&Compared], cell: impl Fn(&Compared) -> String) -> Self {
        let cells = shown.iter().map(|one| cell(one)).collect();
        Self { head: head.map(str::to_owned), is_number: false, cells }
    }

    fn of_numbers(self) -> Self {
        Self { is_number: true, ..self }
    }

    /// With the space beside it.
    fn width(&self) -> usize {
        let texts = self.head.iter().chain(&self.cells);
        texts.map(|text| text.chars().count()).max().unwrap_or(0) + 2
    }
}

fn rows(comparison: &Comparison, shown: &[&Compared], screen: Screen) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let columns = fitted(comparison, shown, screen.width);
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| Cell::new(column.head.join("\n"))));
    for (i, column) in columns.iter().enumerate() {
        if let Some(drawn) = table.column_mut(i).filter(|_| column.is_number) {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in 0..shown.len() {
        table.add_row(columns.iter().map(|column| &column.cells[row]));
    }
    let drawn = table.to_string();
    let heads = drawn.lines().count() - shown.len();
    let mut text = String::new();
    for (i, line) in drawn.lines().map(str::trim_end).enumerate() {
        match i.checked_sub(heads).and_then(|row| shown.get(row)) {
            Some(one) if screen.colour => text.push_str(&painted(line, one)),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The columns that a screen has room for: a narrow one has no plot, a narrower one neither values nor
/// interval.
fn fitted(comparison: &Comparison, shown: &[&Compared], width: usize) -> Vec<Column> {
    let level = format!("{} interval", words::share(comparison.level));
    let verdict = Column::new(["verdict", ""], shown, |one| words::verdict(&one.decision).to_owned());
    let change = Column::new(["change", "+ worse"], shown, words::change).of_numbers();
    let interval =
        Column::new([&level, "%"], shown, |one| words::interval(one).unwrap_or_else(|| "–".into()));
    let values = Column::new(["base → new", ""], shown, words::base_to_new).of_numbers();
    let sessions = Column::new(["sessions", ""], shown, words::sessions);
    let mut rest = vec![change, interval.of_numbers(), values, sessions, plot(shown)];
    let room = |rest: &[Column]| {
        let taken = verdict.width() + rest.iter().map(Column::width).sum::<usize>() + 2;
        width.saturating_sub(taken)
    };
    for dropped in [4, 2, 1] {
        if room(&rest) >= LEAST_LABEL {
            break;
        }
        rest.remove(dropped);
    }
    let room = room(&rest).max(LEAST_LABEL);
    let names = Names::new(&comparison.compared);
    let label = Column::new(["benchmark", ""], shown, |one| names.of(one, room));
    [verdict, label].into_iter().chain(rest).collect()
}

/// The forest plot, with its scale as the head.
fn plot(shown: &[&Compared]) -> Column {
    let marks: Vec<Mark> = shown.iter().filter_map(|one| Mark::of(one)).collect();
    let axis = Axis::over(&marks);
    let (low, high) = (words::share(-axis.limit), words::share(axis.limit));
    let half = PLOT / 2;
    let scale = format!("{low:<half$}0{:>half$}", format!("+{high}"));
    let draw = |one: &Compared| Mark::of(one).map_or(String::new(), |mark| line(axis, &mark, PLOT));
    Column::new([&scale, "  ┊ margin  ● change"], shown, draw)
}

/// The line with its verdict in colour.
fn painted(line: &str, one: &Compared) -> String {
    let colour = match (one.decision.outcome, one.decision.severity) {
        (Outcome::Regression, Some(Severity::Critical)) => "1;31",
        (Outcome::Regression, _) => "31",
        (Outcome::Improvement, _) => "32",
        (Outcome::Inconclusive, _) => "33",
        (Outcome::Equivalent, _) => return line.to_owned(),
    };
    let word = words::verdict(&one.decision);
    line.replacen(word, &format!("\x1b[{colour}m{word}\x1b[0m"), 1)
}

/// What is below the rows.
fn footer(comparison: &Comparison) -> Vec<String> {
    let mut lines = vec![format!("{}.", words::summary(comparison)), words::discoveries(comparison)];
    lines.push(words::layout(comparison));
    lines.extend(words::remarks(comparison));
    lines.extend(words::next(comparison));
    lines.extend(words::explained(comparison));
    lines.iter().map(|line| words::one_line(line)).collect()
}

/// A paragraph in lines of at most `width` letters, those after the first set in.
fn wrapped(paragraph: &str, width: usize) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width.max(60) {
            text.push_str("\n ");
            column = 1;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wide is wrapped between words.
    #[test]
    fn wrapping() {
        let text = wrapped(&"word ".repeat(30), 60);
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }
}
