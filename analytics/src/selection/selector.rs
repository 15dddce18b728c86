//! The text of a selector, and what it says.

use crate::queries::hint;
use std::{fmt, str::FromStr, time::Duration};

/// Which sessions are meant: every term must fit.
///
/// Terms that name a scope (`run:`, `commit:`, `window:`, `baseline:`) select all sessions in it; without
/// one, or with `latest` beside it, those of the newest run that fits count.
///
/// ```
/// use benchlake_analytics::selection::{Selector, Term};
/// let selector: Selector = "branch:main,window:30d".parse()?;
/// assert_eq!(selector.terms[0], Term::Branch("main".into()));
/// assert_eq!(selector.to_string(), "branch:main,window:30d");
/// assert_eq!("latest".parse::<Selector>()?.terms, []);
/// assert_eq!("latest,window:30d".parse::<Selector>()?.terms[0], Term::Latest);
/// let error = "brnch:main".parse::<Selector>().unwrap_err();
/// assert_eq!(error.to_string(), "selector `brnch:main`: no kind `brnch`; did you mean `branch`?");
/// # Ok::<(), benchlake_analytics::selection::ParseSelectorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// What must fit; none of them for `latest` alone.
    pub terms: Vec<Term>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// `latest` beside a scope: of what is in it, the newest run.
    Latest,
    /// `run:ID`: the run whose id is or begins so.
    Run(String),
    /// `commit:SHA`: the commit whose hash is or begins so; with `+` after it, what was measured of it with
    /// uncommitted changes, which is other code.
    Commit(String, bool),
    /// `branch:NAME`.
    Branch(String),
    /// `tag:KEY=VALUE`.
    Tag(String, String),
    /// `arm:NAME`.
    Arm(String),
    /// `window:30d`: sessions that started at most so long before the newest session of the lake.
    Window(Duration),
    /// `baseline:NAME`: the runs of a kept baseline.
    Baseline(String),
    /// `node:GLOB`: by host name, such as `gpu-*`.
    Node(String),
    /// `env:KEY=GLOB`: by a fact of the environment, such as `env:cpu.model=AMD*`.
    Environment(String, String),
}

/// What a selector is made of, as errors tell it.
const ALL: &str = "run:ID commit:SHA commit:SHA+ branch:NAME tag:K=V arm:NAME window:30d baseline:NAME node:GLOB \
env:KEY=GLOB latest";
/// The kinds of terms, as they are written.
const KINDS: [&str; 9] = ["run", "commit", "branch", "tag", "arm", "window", "baseline", "node", "env"];

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("selector `{text}`: {problem}")]
pub struct ParseSelectorError {
    text: String,
    problem: String,
}

impl Term {
    /// Whether `id` is what the term gives, and not just its beginning.
    pub(super) fn is_id(&self, id: &str) -> bool {
        matches!(self, Self::Run(given) | Self::Commit(given, _) if given.eq_ignore_ascii_case(id))
    }

    /// The same commit with uncommitted changes where this is the one without, and the other way round.
    pub(super) fn otherwise(&self) -> Option<Self> {
        match self {
            Self::Commit(hash, dirty) => Some(Self::Commit(hash.clone(), !dirty)),
            _ => None,
        }
    }

    /// Whether the term names the scope that sessions are looked for in, all of which count.
    pub(super) const fn is_scope(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Commit(..) | Self::Window(_) | Self::Baseline(_))
    }
}

impl Selector {
    /// Whether the sessions of one run count, the newest that fits, and not all of a scope.
    #[must_use]
    pub fn is_of_newest_run(&self) -> bool {
        self.terms.contains(&Term::Latest) || !self.terms.iter().any(Term::is_scope)
    }
}

impl FromStr for Selector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem: String| ParseSelectorError { text: text.to_owned(), problem };
        let terms = text.split(',').map(|term| term.trim().parse::<Term>().map_err(error));
        let mut terms: Vec<Term> = terms.collect::<Result<_, _>>()?;
        // Without a scope it is the newest run anyway.
        if !terms.iter().any(Term::is_scope) {
            terms.retain(|term| *term != Term::Latest);
        }
        Ok(Self { terms })
    }
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let Some((kind, value)) = text.split_once(':') else {
            return Err(format!("`{text}` is not KIND:VALUE; one of {ALL}"));
        };
        if value.is_empty() || text == "commit:+" {
            return Err(format!("`{text}` names nothing; one of {ALL}"));
        }
        let pair = || match value.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(format!("`{text}` is not {kind}:KEY=VALUE")),
        };
        Ok(match kind {
            "run" => Self::Run(value.to_lowercase()),
            "commit" => {
                let hash = value.strip_suffix('+').unwrap_or(value);
                Self::Commit(hash.to_lowercase(), value.ends_with('+'))
            }
            "branch" => Self::Branch(value.to_owned()),
            "arm" => Self::Arm(value.to_owned()),
            "baseline" => Self::Baseline(value.to_owned()),
            "node" => Self::Node(value.to_owned()),
            "tag" => pair().map(|(key, value)| Self::Tag(key, value))?,
            "env" => pair().map(|(key, value)| Self::Environment(key, value))?,
            "window" => Self::Window(duration(value)?),
            _ => return Err(format!("no kind `{kind}`; {}", hint(kind, KINDS.into_iter()))),
        })
    }
}

/// A hundred years: nanoseconds beyond three hundred are no instants.
const LONGEST: u64 = 36_525 * 86_400;

/// `30d`, `12h`, `45m`, `2w`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no window; give a number with w, d, h or m, such as 30d");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let seconds = match unit {
        'w' => 604_800,
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        _ => return Err(wrong()),
    };
    count
        .checked_mul(seconds)
        .filter(|total| (1..=LONGEST).contains(total))
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.terms.as_slice() else { return f.write_str("latest") };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|term| write!(f, ",{term}"))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Run(id) => write!(f, "run:{id}"),
            Self::Commit(hash, dirty) => write!(f, "commit:{hash}{}", if *dirty { "+" } else { "" }),
            Self::Branch(name) => write!(f, "branch:{name}"),
            Self::Tag(key, value) => write!(f, "tag:{key}={value}"),
            Self::Arm(name) => write!(f, "arm:{name}"),
            Self::Window(window) => write!(f, "window:{}", window_text(*window)),
            Self::Baseline(name) => write!(f, "baseline:{name}"),
            Self::Node(glob) => write!(f, "node:{glob}"),
            Self::Environment(key, glob) => write!(f, "env:{key}={glob}"),
        }
    }
}

/// In the largest unit that fits evenly.
fn window_text(window: Duration) -> String {
    let minutes = window.as_secs() / 60;
    match minutes {
        minutes if minutes % 1_440 == 0 => format!("{}d", minutes / 1_440),
        minutes if minutes % 60 == 0 => format!("{}h", minutes / 60),
        minutes => format!("{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a selector is said, with what would be right.
    #[test]
    fn errors_say_what_would_be_right() {
        let error = |text: &str| text.parse::<Selector>().map_err(|error| error.problem);
        assert!(error("main").is_err_and(|text| text.contains("`main` is not KIND:VALUE; one of run:ID")));
        assert!(error("branch:").is_err_and(|text| text.contains("`branch:` names nothing")));
        assert!(error("commit:+").is_err_and(|text| text.contains("`commit:+` names nothing; one of")));
        assert_eq!(error("tag:nightly"), Err("`tag:nightly` is not tag:KEY=VALUE".into()));
        for wrong in [
            "window:30",
            "window:d",
            "window:0d",
            "window:30s",
            "window:99999999999999999999d",
            "window:20000w",
            "window:ä",
        ] {
            assert!(error(wrong).is_err_and(|text| text.contains("is no window")), "{wrong}");
        }
    }

    /// What a selector displays as parses back.
    #[test]
    fn display_parses_back() {
        for text in [
            "latest",
            "run:01a1",
            "commit:abc,arm:new",
            "commit:abc+",
            "tag:a=b=c",
            "window:36h",
            "node:gpu-*,env:cpu.model=AMD*",
            "window:30d,latest",
        ] {
            let selector: Selector = text.parse().expect("a selector");
            assert_eq!(selector.to_string(), text);
            assert_eq!(selector.to_string().parse(), Ok(selector));
        }
        assert_eq!("latest,node:a".parse::<Selector>().map(|it| it.to_string()), Ok("node:a".into()));
        assert_eq!("window:2w".parse::<Selector>().map(|it| it.to_string()), Ok("window:14d".into()));
    }
}
