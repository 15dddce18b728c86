//! The interactive shell: history, completion, statements over several lines.

use crate::{deliver::state_folder, failure::Failure, output};
use benchlake_analytics::queries;
use datafusion::{
    prelude::SessionContext,
    sql::sqlparser::{
        dialect::GenericDialect,
        tokenizer::{Token, Tokenizer},
    },
};
use rustyline::{
    Context, Editor, Helper, Highlighter, Hinter, Validator, completion::Completer, error::ReadlineError,
    history::FileHistory,
};
use std::fs;
use tokio::runtime::Runtime;

const KEYWORDS: [&str; 25] = [
    "select",
    "from",
    "where",
    "group by",
    "order by",
    "limit",
    "having",
    "join",
    "left join",
    "on",
    "using",
    "as",
    "and",
    "or",
    "not",
    "in",
    "between",
    "is null",
    "distinct",
    "case",
    "when",
    "then",
    "else",
    "end",
    "with",
];
const HELP: &str = "\
statements end with ;            \\q, exit or Ctrl-D leaves
\\d        tables and views       \\d NAME   columns of one
\\f        statistics functions   \\n        named queries";

/// Complete statements of a text, and what follows the last semicolon.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Statements {
    pub(crate) complete: Vec<String>,
    pub(crate) rest: String,
}

impl Statements {
    /// Also the one that no semicolon ends.
    pub(crate) fn all(mut self) -> Vec<String> {
        if !self.rest.is_empty() {
            self.complete.push(self.rest);
        }
        self.complete
    }
}

/// Splits at semicolons that are not inside texts or comments.
pub(crate) fn statements(text: &str) -> Statements {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).with_unescape(false).tokenize() else {
        // An open quote or comment: not complete yet.
        return Statements { complete: Vec::new(), rest: text.trim().to_owned() };
    };
    let mut split = Statements::default();
    let (mut statement, mut blank) = (String::new(), true);
    for token in tokens {
        match token {
            Token::SemiColon => {
                if !std::mem::replace(&mut blank, true) {
                    split.complete.push(std::mem::take(&mut statement).trim().to_owned());
                }
                statement.clear();
            }
            other => {
                blank &= matches!(other, Token::Whitespace(_));
                statement.push_str(&other.to_string());
            }
        }
    }
    if !blank {
        split.rest = statement.trim().to_owned();
    }
    split
}

/// Reads statements until the end of input. A failing statement is told and the shell goes on.
pub(crate) fn run(
    runtime: &Runtime,
    context: &SessionContext,
    answer: &dyn Fn(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let history = state_folder().join("history");
    let mut editor: Editor<Completion, FileHistory> = Editor::new().map_err(Failure::internal)?;
    editor.set_helper(Some(Completion { words: runtime.block_on(words(context)) }));
    let _ = fs::create_dir_all(state_folder());
    // No history yet, or none that can be read: the shell works without.
    let _ = editor.load_history(&history);
    output::print("benchlake sql: \\? for help");
    let mut pending = String::new();
    loop {
        match editor.readline(if pending.is_empty() { "> " } else { "… " }) {
            Ok(line) if pending.is_empty() && (line.trim().starts_with('\\') || line.trim() == "exit") => {
                let _ = editor.add_history_entry(line.trim());
                if !command(line.trim(), answer) {
                    break;
                }
            }
            Ok(line) => {
                pending.push_str(&line);
                pending.push('\n');
                let split = statements(&pending);
                for statement in &split.complete {
                    let _ = editor.add_history_entry(format!("{statement};").replace('\n', " "));
                    tell(answer(statement));
                }
                pending = split.rest;
                if !pending.is_empty() {
                    pending.push('\n');
                }
            }
            Err(ReadlineError::Interrupted) => pending.clear(),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(Failure::internal(error)),
        }
    }
    let _ = editor.save_history(&history);
    Ok(())
}

fn tell(result: Result<(), Failure>) {
    if let Err(failure) = result {
        output::print(&format!("error: {}", failure.message));
    }
}

/// A backslash command; `false` leaves the shell.
fn command(line: &str, answer: &dyn Fn(&str) -> Result<(), Failure>) -> bool {
    let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
    match (name, argument.trim().trim_end_matches(';')) {
        ("\\q" | "exit", _) => return false,
        ("\\d", "") => tell(answer(
            "select table_name, table_type from information_schema.tables where table_schema = 'public' order by 1",
        )),
        ("\\d", table) => tell(answer(&format!("describe {table}"))),
        ("\\f", _) => tell(answer(
            "select distinct routine_name from information_schema.routines where routine_name like 'list_%' \
             or routine_name = 'per_iteration' order by 1",
        )),
        ("\\n", _) => {
            queries::all()
                .iter()
                .for_each(|query| output::print(&format!("{:<18} {}", query.name, query.what)));
        }
        _ => output::print(HELP),
    }
    true
}

/// Names that complete: keywords, tables, columns and functions.
async fn words(context: &SessionContext) -> Vec<String> {
    let mut words: Vec<String> = KEYWORDS.map(str::to_owned).to_vec();
    words.extend(context.state().scalar_functions().keys().cloned());
    words.extend(context.state().aggregate_functions().keys().cloned());
    let Some(schema) = context.catalog("datafusion").and_then(|catalog| catalog.schema("public")) else {
        return words;
    };
    for table in schema.table_names() {
        if let Ok(Some(provider)) = schema.table(&table).await {
            words.extend(provider.schema().fields().iter().map(|field| field.name().clone()));
        }
        words.push(table);
    }
    words.sort_unstable();
    words.dedup();
    words
}

#[derive(Helper, Highlighter, Hinter, Validator)]
struct Completion {
    words: Vec<String>,
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let start = line[..at]
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
        let prefix = line[start..at].to_lowercase();
        let matching = self.words.iter().filter(|word| !prefix.is_empty() && word.starts_with(&prefix));
        Ok((start, matching.cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Semicolons inside texts and comments do not end a statement; an open quote waits.
    #[test]
    fn statements_end_at_semicolons() {
        let split = statements("select ';' ; -- a; b\nselect 2 /* ; */;\nselect 3");
        assert_eq!(split.complete.len(), 2);
        assert_eq!(split.complete[0], "select ';'");
        assert_eq!(split.rest, "select 3");
        assert_eq!(statements("select 'a;").rest, "select 'a;");
        assert_eq!(statements(" ;; ").all(), Vec::<String>::new());
    }
}
