//! What a benchmark program understands on its command line. Three callers decide on it: people, cargo
//! (which says `--bench`), and cargo-nextest (which lists, then names one benchmark exactly).

use crate::{cpu::hint, measure::Policy};
use std::{collections::BTreeMap, path::PathBuf};

/// What `--help` prints.
pub(super) const HELP: &str = "\
Measures this program's benchmarks in fresh processes: cargo bench [-- [FILTER] [OPTIONS]]

  FILTER               only benchmarks whose name{parameters} match this regular expression
  --sessions N         fresh processes that each measure everything (5; 3 with --quick)
  --quick              less time for each: a first look, with wide intervals
  --precision X        go on until the mean's 95 % interval in a session is within ±X, such as 0.01
  --min-time 2s        and every other key of a suite's [policy], with dashes; over what the program says
  --seed N             seed of the inputs and of the order (42)
  --spool DIR          where samples go ($BENCHLAKE_SPOOL; target/benchlake/spool);
                       `benchlake land --spool DIR --lake LAKE` lands them
  --tag KEY=VALUE      kept with every session; may be repeated
  --list               the benchmarks, one a line
  --test               run and check each once, measure nothing; also without --bench, which cargo bench says
  --exact              FILTER is a benchmark's whole name

Exit codes: 0 done, 1 internal, 2 usage, 5 part failed, 130 interrupted";

/// Flags without a value; the last five mean nothing here, but their callers give them to every program.
const FLAGS: [&str; 12] = [
    "--bench",
    "--test",
    "--list",
    "--quick",
    "--exact",
    "--help",
    "-h",
    "--ignored",
    "--nocapture",
    "--no-capture",
    "--quiet",
    "-q",
];
/// Options with a value, beside the keys of a policy.
const OPTIONS: [&str; 5] = ["--sessions", "--seed", "--spool", "--tag", "--format"];

/// What `--quick` sets where nothing else does.
const QUICK: [(&str, &str); 5] = [
    ("warmup", "\"20ms\""),
    ("warmup_max", "\"500ms\""),
    ("min_time", "\"50ms\""),
    ("max_time", "\"5s\""),
    ("min_samples", "10"),
];

/// An argument is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misuse(pub(super) String);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Help,
    List,
    Test,
    Measure,
}

/// A command line, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    pub(super) action: Action,
    pub(super) filter: Option<String>,
    pub(super) sessions: u32,
    pub(super) seed: i64,
    pub(super) spool: Option<PathBuf>,
    pub(super) tags: BTreeMap<String, String>,
    /// Keys of a `[policy]` with their values in TOML.
    pub(super) policy: BTreeMap<String, String>,
}

impl Options {
    /// Reads the arguments `words`, without the program.
    ///
    /// # Errors
    /// [`Misuse`], with the nearest argument that is known.
    pub(super) fn parse(words: &[String]) -> Result<Self, Misuse> {
        let given = Given::parse(words)?;
        let has = |flag: &str| given.flags.iter().any(|given| given == flag);
        let action = if has("--help") || has("-h") {
            Action::Help
        } else if has("--list") {
            Action::List
        } else if has("--test") || !has("--bench") {
            Action::Test
        } else {
            Action::Measure
        };
        let mut policy = given.policy;
        if has("--quick") {
            for (key, value) in QUICK {
                policy.entry(key.into()).or_insert_with(|| value.into());
            }
        }
        let filter = match (has("--ignored"), given.filters.is_empty()) {
            // Nothing is ever ignored.
            (true, _) => Some("$^".to_owned()),
            (false, true) => None,
            (false, false) if has("--exact") => {
                Some(any_of(&given.filters, |name| format!("^{}$", regex::escape(name))))
            }
            (false, false) => Some(any_of(&given.filters, str::to_owned)),
        };
        Ok(Self {
            action,
            filter,
            sessions: given.sessions.unwrap_or(if has("--quick") { 3 } else { 5 }),
            seed: given.seed.unwrap_or(42),
            spool: given.spool,
            tags: given.tags,
            policy,
        })
    }
}

/// A regular expression that matches what one of `filters` does.
fn any_of(filters: &[String], expression: impl Fn(&str) -> String) -> String {
    filters.iter().map(|filter| expression(filter)).collect::<Vec<_>>().join("|")
}

/// The arguments by kind.
#[derive(Debug, Default)]
struct Given {
    flags: Vec<String>,
    filters: Vec<String>,
    sessions: Option<u32>,
    seed: Option<i64>,
    spool: Option<PathBuf>,
    tags: BTreeMap<String, String>,
    policy: BTreeMap<String, String>,
}

impl Given {
    fn parse(words: &[String]) -> Result<Self, Misuse> {
        let mut given = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ => (word.as_str(), None),
            };
            if !name.starts_with('-') {
                given.filters.push(word.clone());
            } else if FLAGS.contains(&word.as_str()) {
                given.flags.push(word.clone());
            } else if OPTIONS.contains(&name) || policy_key(name).is_some() {
                let value = value.or_else(|| words.next().map(String::as_str));
                let value = value.ok_or_else(|| Misuse(format!("{name} needs a value: see --help")))?;
                given.option(name, value)?;
            } else {
                return Err(unknown(name));
            }
        }
        Ok(given)
    }

    fn option(&mut self, name: &str, value: &str) -> Result<(), Misuse> {
        match name {
            "--sessions" => self.sessions = Some(positive(name, value)?),
            "--seed" => self.seed = Some(number(name, value)?),
            "--spool" => self.spool = Some(value.into()),
            "--tag" => {
                let (key, value) = value
                    .split_once('=')
                    .ok_or_else(|| Misuse(format!("--tag {value:?} is not KEY=VALUE")))?;
                self.tags.insert(key.into(), value.into());
            }
            // How cargo-nextest wants its list, which is how it is anyway.
            "--format" => {}
            _ => {
                let key = policy_key(name).unwrap_or_default();
                let quoted =
                    if value.parse::<f64>().is_ok() { value.to_owned() } else { format!("{value:?}") };
                self.policy.insert(key, quoted);
            }
        }
        Ok(())
    }
}

/// The key of a policy that the option `name` sets.
fn policy_key(name: &str) -> Option<String> {
    let key = name.strip_prefix("--")?.replace('-', "_");
    Policy::KEYS.contains(&key.as_str()).then_some(key)
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, Misuse> {
    value.parse().map_err(|_| Misuse(format!("{name} {value:?} is no whole number: such as {name} 7")))
}

fn positive(name: &str, value: &str) -> Result<u32, Misuse> {
    match number(name, value)? {
        0 => Err(Misuse(format!("{name} is 0: at least 1"))),
        some => Ok(some),
    }
}

fn unknown(name: &str) -> Misuse {
    let keys: Vec<String> = Policy::KEYS.iter().map(|key| format!("--{}", key.replace('_', "-"))).collect();
    let known = FLAGS.into_iter().chain(OPTIONS).chain(keys.iter().map(String::as_str));
    Misuse(format!("unknown argument {name:?}{}", hint(name, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words).map_err(|misuse| misuse.to_string())
    }

    /// Cargo's `--bench` measures, its absence tests, as `cargo test --benches` means it; a filter and
    /// the options of others are understood.
    #[test]
    fn callers_are_understood() {
        let action = |line| parse(line).expect(line).action;
        assert_eq!(action("--bench"), Action::Measure);
        assert_eq!(action(""), Action::Test);
        assert_eq!(action("--bench --test"), Action::Test);
        assert_eq!(action("--list --format terse"), Action::List);
        assert_eq!(action("--nocapture --quiet"), Action::Test);
        assert_eq!(action("--bench --help"), Action::Help);
        let filter = |line| parse(line).expect(line).filter;
        assert_eq!(filter("--bench"), None);
        assert_eq!(filter("sort parse --bench").as_deref(), Some("sort|parse"));
        assert_eq!(filter("a{n=1} --exact --bench").as_deref(), Some(r"^a\{n=1\}$"));
    }

    /// Values arrive, separated by a space or `=`; every key of a policy is an option; what is given
    /// goes before what `--quick` means.
    #[test]
    fn values_arrive() {
        let options =
            parse("--bench --sessions=7 --quick --min-time 2s --precision 0.02 --tag a=b=c --seed -3");
        let options = options.expect("options");
        assert_eq!((options.sessions, options.seed), (7, -3));
        assert_eq!(options.tags["a"], "b=c");
        assert_eq!(
            (options.policy["min_time"].as_str(), options.policy["precision"].as_str()),
            ("\"2s\"", "0.02")
        );
        assert_eq!(options.policy["warmup"], "\"20ms\"");
        assert_eq!(parse("--bench --quick").expect("options").sessions, 3);
        assert_eq!(parse("--bench").expect("options").policy.len(), 0);
    }

    /// A mistake is named, with the nearest that is known.
    #[test]
    fn mistakes_are_named() {
        let said = |line| parse(line).expect_err(line);
        assert_eq!(said("--session 3"), "unknown argument \"--session\"; did you mean \"--sessions\"?");
        assert_eq!(said("--min-tine 3s"), "unknown argument \"--min-tine\"; did you mean \"--min-time\"?");
        assert_eq!(said("--sessions"), "--sessions needs a value: see --help");
        assert_eq!(said("--sessions 0"), "--sessions is 0: at least 1");
        assert_eq!(said("--sessions two"), "--sessions \"two\" is no whole number: such as --sessions 7");
        assert_eq!(said("--tag x"), "--tag \"x\" is not KEY=VALUE");
    }

    /// The help names every option, every flag that means something, and the exit codes as they are.
    #[test]
    fn help_is_whole() {
        let (own, others) = FLAGS.split_at(6);
        assert!(
            own.iter().chain(&OPTIONS[..4]).filter(|word| **word != "--help").all(|word| HELP.contains(word))
        );
        assert!(others.iter().all(|word| !HELP.contains(&format!("  {word}"))));
        for (code, word) in [
            (crate::process::exit::INTERNAL, "internal"),
            (crate::process::exit::USAGE, "usage"),
            (crate::process::exit::PARTLY, "part failed"),
            (crate::process::exit::INTERRUPTED, "interrupted"),
        ] {
            assert!(HELP.contains(&format!("{code} {word}")), "{code} {word}");
        }
    }
}
