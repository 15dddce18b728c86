//! Tables in Markdown.

use crate::rate::Rate;

/// Rows of cells under a heading.
pub(crate) struct Table {
    text: String,
    columns: usize,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        let rule = heading.iter().map(|_| "---").collect::<Vec<_>>().join(" | ");
        Self { text: format!("| {} |\n| {rule} |\n", heading.join(" | ")), columns: heading.len() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<_> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns, "a cell for each column: {cells:?}");
        self.text += &format!("| {} |\n", cells.join(" | "));
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// The rate; in bold where it lies outside `low..=high`.
pub(crate) fn marked(rate: Rate, low: f64, high: f64) -> String {
    if rate.is_within(low, high) { rate.to_string() } else { format!("**{rate}**") }
}
