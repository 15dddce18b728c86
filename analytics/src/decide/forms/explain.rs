//! How a verdict came about, in plain sentences with every number in them.

mod evidence;
mod judged;
mod sides;

use super::words;
use crate::{
    decide::{Compared, Comparison, glob::fits},
    queries::hint,
};

/// A part of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) head: &'static str,
    pub(super) lines: Vec<String>,
}

impl Section {
    fn new(head: &'static str, lines: Vec<String>) -> Self {
        Self { head, lines }
    }
}

/// Why there is nothing to explain, or too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No benchmark is called so.
    #[error("no benchmark fits `{given}`; {nearest}")]
    Nothing {
        /// What was given.
        given: String,
        /// What there is that is near.
        nearest: String,
    },
    /// Several are.
    #[error("`{given}` fits {count} benchmarks: {some}; give more of one")]
    Several {
        /// What was given.
        given: String,
        /// How many.
        count: usize,
        /// Some of them.
        some: String,
    },
}

/// How the verdict of one benchmark came about: sides, sessions, centres, effect, test, margin, rule.
///
/// `benchmark` is its label, followed by its metric where that is not the time; a part of it or a pattern of
/// `*` and `?` where that fits one alone.
///
/// # Errors
/// [`ExplainError`], with the names there are, if it fits none, or several.
pub fn explain(comparison: &Comparison, benchmark: &str) -> Result<String, ExplainError> {
    let one = find(comparison, benchmark)?;
    let mut text = format!("{}\n", words::one_line(&one.title()));
    for Section { head, lines } in sections(comparison, one) {
        text.push_str(&format!("\n{head}\n"));
        for line in lines {
            text.push_str(&format!("  {}\n", words::one_line(&line)));
        }
    }
    Ok(text)
}

/// In the order in which a statistician asks.
pub(super) fn sections(comparison: &Comparison, one: &Compared) -> Vec<Section> {
    let mut sections = vec![
        Section::new("Verdict", judged::verdict(comparison, one)),
        Section::new("Sides", sides::sides(comparison, one)),
        Section::new("Sessions", sides::sessions(comparison, one)),
        Section::new("Centres", sides::centres(one)),
        Section::new("Layout", sides::layout(comparison)),
        Section::new("Effect", evidence::effect(comparison, one)),
        Section::new("Test", evidence::test(comparison, one)),
        Section::new("Margin", judged::margin(comparison, one)),
        Section::new("Rule", judged::rule(comparison, one)),
        Section::new("What would decide it", judged::needed(one)),
        Section::new("Flags", sides::flags(one)),
        Section::new("The samples themselves", sides::query(comparison, one)),
    ];
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn find<'a>(comparison: &'a Comparison, given: &str) -> Result<&'a Compared, ExplainError> {
    let titles: Vec<String> = comparison.compared.iter().map(Compared::title).collect();
    Ok(&comparison.compared[named(&titles, given)?])
}

/// Which of `titles` is meant: the one that is `given`, or else the only one that contains it or fits it as a
/// pattern of `*` and `?`.
///
/// ```
/// use benchlake_analytics::decide::named;
/// let titles = ["gemm{n=1}", "gemm{n=2}", "add"].map(str::to_owned);
/// assert_eq!(named(&titles, "n=2"), Ok(1));
/// let error = named(&titles, "gemm").unwrap_err().to_string();
/// assert_eq!(error, "`gemm` fits 2 benchmarks: gemm{n=1}, gemm{n=2}; give more of one");
/// ```
///
/// # Errors
/// [`ExplainError`], with the names there are, if it fits none, or several.
pub fn named(titles: &[String], given: &str) -> Result<usize, ExplainError> {
    if let Some(place) = titles.iter().position(|title| title == given) {
        return Ok(place);
    }
    let meant = |place: &usize| fits(given, &titles[*place]) || titles[*place].contains(given);
    let found: Vec<usize> = (0..titles.len()).filter(meant).collect();
    match found.as_slice() {
        [place] => Ok(*place),
        [] => {
            let nearest = if titles.len() > 20 {
                let near = titles.iter().min_by_key(|title| strsim::damerau_levenshtein(title, given));
                near.map_or_else(String::new, |near| format!("the nearest is `{near}`"))
            } else {
                hint(given, titles.iter().map(String::as_str))
            };
            Err(ExplainError::Nothing { given: given.to_owned(), nearest })
        }
        several => {
            let titles: Vec<String> = several.iter().map(|place| titles[*place].clone()).collect();
            let some = words::shortened(&titles, 12);
            Err(ExplainError::Several { given: given.to_owned(), count: several.len(), some })
        }
    }
}
