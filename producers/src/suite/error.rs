//! What is wrong with a suite, and where.

/// What is wrong with a suite: file, line, what, and what to write instead; in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct SuiteError {
    /// The file, or what stands for it.
    pub file: String,
    /// The line, from 1; `None` where the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong and the way out.
    pub problem: String,
}

impl SuiteError {
    pub(super) fn at(file: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: Some(line), problem: problem.into() }
    }

    pub(super) fn unreadable(file: &str, error: &std::io::Error) -> Self {
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such suite: check the path".to_owned(),
            _ => format!("the suite cannot be read: {error}"),
        };
        Self { file: file.to_owned(), line: None, problem }
    }
}
