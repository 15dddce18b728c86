//! From TOML to a suite, keeping the line of everything that may be complained about.

use super::{Axis, Entry, Program, Suite, SuiteError};
use crate::{cpu::hint, measure::Policy};
use std::time::Duration;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

const SUITE_KEYS: [&str; 5] = ["name", "description", "policy", "program", "benchmark"];
const PROGRAM_KEYS: [&str; 3] = ["path", "build", "harness"];

type Key<'t> = Spanned<DeString<'t>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// The suite `text`, called `label` in errors.
pub(super) fn suite(text: &str, label: &str) -> Result<Suite, SuiteError> {
    let reader = Reader { text, label };
    reader.suite(reader.table()?.get_ref())
}

/// `base` with the keys of the `[policy]` of the suite `text` over it.
pub(super) fn policy_over(text: &str, label: &str, base: &Policy) -> Result<Policy, SuiteError> {
    let reader = Reader { text, label };
    reader.policy_of(reader.table()?.get_ref(), base)
}

struct Reader<'a> {
    text: &'a str,
    label: &'a str,
}

impl<'a> Reader<'a> {
    fn table(&self) -> Result<Spanned<DeTable<'a>>, SuiteError> {
        DeTable::parse(self.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            self.error(start, error.message().lines().collect::<Vec<_>>().join("; "))
        })
    }

    /// The line, from 1, of the byte at `start`.
    fn line(&self, start: usize) -> usize {
        self.text.as_bytes()[..start.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn error(&self, start: usize, problem: impl Into<String>) -> SuiteError {
        SuiteError::at(self.label, self.line(start), problem)
    }

    fn unknown<'k>(&self, key: &Key, known: impl Iterator<Item = &'k str> + Clone) -> SuiteError {
        let name = key.get_ref().as_ref();
        self.error(key.span().start, format!("unknown key {name:?}{}", hint(name, known)))
    }

    fn wrong_type(&self, key: &str, value: &Value, wanted: &str) -> SuiteError {
        let found = value.get_ref().type_str();
        self.error(value.span().start, format!("`{key}` is {} {found}: {wanted}", article(found)))
    }

    fn string(&self, key: &str, value: &Value, example: &str) -> Result<String, SuiteError> {
        let text = value.get_ref().as_str().map(str::to_owned);
        text.ok_or_else(|| self.wrong_type(key, value, &format!("a string, such as {example:?}")))
    }

    fn suite(&self, table: &DeTable) -> Result<Suite, SuiteError> {
        if let Some((key, _)) = table.iter().find(|(key, _)| !SUITE_KEYS.contains(&key.get_ref().as_ref())) {
            return Err(self.unknown(key, SUITE_KEYS.into_iter()));
        }
        let name =
            table.get("name").ok_or_else(|| self.error(0, "the suite has no `name`: add name = \"mine\""))?;
        let description = table.get("description");
        let policy = self.policy_of(table, &Policy::default())?;
        let program = table.get("program").map(|value| self.program(value)).transpose()?;
        let entries =
            self.entries(table, &policy, program.as_ref().is_some_and(|program| program.harness))?;
        Ok(Suite {
            name: self.string("name", name, "mine")?,
            description: description
                .map(|value| self.string("description", value, "what it is for"))
                .transpose()?,
            policy,
            program,
            entries,
            label: self.label.to_owned(),
            text: self.text.to_owned(),
        })
    }

    /// The benchmarks; none where the suite's program brings its `own`.
    fn entries(&self, table: &DeTable, policy: &Policy, own: bool) -> Result<Vec<Entry>, SuiteError> {
        match table.get("benchmark").map(|value| (value, value.get_ref().as_array())) {
            Some((value, _)) if own => Err(self.error(
                value.span().start,
                "a program with `harness = true` brings its own benchmarks: remove [[benchmark]], and choose \
                 with a filter",
            )),
            Some((_, Some(array))) if !array.is_empty() => {
                array.iter().map(|value| self.entry(value, policy)).collect()
            }
            Some((value, None)) => Err(self.wrong_type("benchmark", value, "write it as [[benchmark]]")),
            _ if own => Ok(Vec::new()),
            _ => Err(self.error(0, "the suite has no benchmark: add a [[benchmark]] with a `workload`")),
        }
    }

    fn program(&self, value: &Value) -> Result<Program, SuiteError> {
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.wrong_type("program", value, "write it as [program]"))?;
        if let Some((key, _)) = table.iter().find(|(key, _)| !PROGRAM_KEYS.contains(&key.get_ref().as_ref()))
        {
            return Err(self.unknown(key, PROGRAM_KEYS.into_iter()));
        }
        let path = table.get("path").ok_or_else(|| {
            self.error(value.span().start, "the program has no `path`: add path = \"target/release/mine\"")
        })?;
        let build = table.get("build").map(|value| self.string("build", value, "cargo build --release"));
        let harness = table.get("harness").map(|value| {
            let harness = value.get_ref().as_bool();
            harness.ok_or_else(|| self.wrong_type("harness", value, "true or false"))
        });
        Ok(Program {
            path: self.string("path", path, "target/release/mine")?,
            build: build.transpose()?,
            harness: harness.transpose()?.unwrap_or(false),
        })
    }

    fn entry(&self, value: &Value, base: &Policy) -> Result<Entry, SuiteError> {
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.wrong_type("benchmark", value, "write it as [[benchmark]]"))?;
        let start = value.span().start;
        let workload = table.get("workload").ok_or_else(|| {
            self.error(start, "the benchmark has no `workload`: add workload = \"cpu.gemm\"")
        })?;
        let policy =
            table.get("policy").map_or_else(|| Ok(base.clone()), |value| self.policy(value, base))?;
        let parameters =
            table.iter().filter(|(key, _)| !["workload", "policy"].contains(&key.get_ref().as_ref()));
        let mut parameters: Vec<_> = parameters.collect();
        parameters.sort_by_key(|(key, _)| key.span().start);
        let axes =
            parameters.into_iter().map(|(key, value)| self.axis(key, value)).collect::<Result<_, _>>()?;
        let line = self.line(workload.span().start);
        Ok(Entry { workload: self.string("workload", workload, "cpu.gemm")?, policy, axes, line })
    }

    fn axis(&self, key: &Key, value: &Value) -> Result<Axis, SuiteError> {
        let name = key.get_ref().as_ref();
        let values = match value.get_ref() {
            DeValue::Array(array) if array.is_empty() => {
                return Err(
                    self.error(value.span().start, format!("`{name}` has no values: give at least one"))
                );
            }
            DeValue::Array(array) => {
                array.iter().map(|value| self.scalar(name, value)).collect::<Result<_, _>>()?
            }
            _ => vec![self.scalar(name, value)?],
        };
        Ok(Axis { name: name.to_owned(), values, line: self.line(key.span().start) })
    }

    fn scalar(&self, name: &str, value: &Value) -> Result<String, SuiteError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(_) => match integer(value) {
                Some(number) => Ok(number.to_string()),
                None => Err(self.error(value.span().start, format!("`{name}` is larger than any size"))),
            },
            _ => Err(self.wrong_type(name, value, "a string or a whole number, or an array of them")),
        }
    }

    /// `base` with the suite's own `[policy]` over it, where there is one.
    fn policy_of(&self, table: &DeTable, base: &Policy) -> Result<Policy, SuiteError> {
        table.get("policy").map_or_else(|| Ok(base.clone()), |value| self.policy(value, base))
    }

    /// The policy `base` with the keys of a `[policy]` table over it.
    fn policy(&self, value: &Value, base: &Policy) -> Result<Policy, SuiteError> {
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.wrong_type("policy", value, "a table of sampling settings"))?;
        let mut policy = base.clone();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "warmup" => policy.warmup = self.duration(name, value)?,
                "warmup_max" => policy.warmup_max = self.duration(name, value)?,
                "min_time" => policy.min_time = self.duration(name, value)?,
                "max_time" => policy.max_time = self.duration(name, value)?,
                "sample_time" => policy.sample_time = self.duration(name, value)?,
                "min_samples" => policy.min_samples = self.count(name, value)?,
                "max_samples" => policy.max_samples = self.count(name, value)?,
                "iterations" => policy.iterations = Some(self.count(name, value)?),
                "precision" => policy.precision = Some(self.fraction(name, value)?),
                "timeout" => policy.timeout = Some(self.duration(name, value)?),
                _ => return Err(self.unknown(key, Policy::KEYS.into_iter())),
            }
        }
        policy.validate().map_err(|error| {
            let key = table.iter().find(|(key, _)| key.get_ref() == error.key);
            self.error(key.map_or(value.span(), |(key, _)| key.span()).start, error.to_string())
        })?;
        Ok(policy)
    }

    fn duration(&self, name: &str, value: &Value) -> Result<Duration, SuiteError> {
        let text = self.string(name, value, "500ms")?;
        humantime::parse_duration(&text).map_err(|error| {
            self.error(
                value.span().start,
                format!("`{name}` = {text:?} is no duration ({error}): such as \"500ms\" or \"2s\""),
            )
        })
    }

    fn count<N: TryFrom<i64>>(&self, name: &str, value: &Value) -> Result<N, SuiteError> {
        let number = integer(value).and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| self.wrong_type(name, value, "a whole number that is not negative, such as 30"))
    }

    fn fraction(&self, name: &str, value: &Value) -> Result<f64, SuiteError> {
        let number = value.get_ref().as_float().and_then(|number| number.as_str().parse().ok());
        number.ok_or_else(|| self.wrong_type(name, value, "a fraction, such as 0.01 for ±1 %"))
    }
}

fn integer(value: &Value) -> Option<i64> {
    let number = value.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
