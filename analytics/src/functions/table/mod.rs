//! The table of functions: each described once, for registration, help and documentation.

mod dependence;
mod groups;
mod intervals;
mod location;
mod many;
mod outliers;
mod planning;
mod samples;
mod shape;
mod spread;
mod two_sample;

/// A function of SQL, described once for registration, help and documentation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub family: Family,
    /// The names of its first parameters, which are lists.
    pub lists: &'static [&'static str],
    /// The numbers after them.
    pub numbers: &'static [Number],
    /// The type of its value.
    pub returns: &'static str,
    /// What it computes, and when it is null.
    pub what: &'static str,
    /// Its formula; empty where there is none.
    pub formula: &'static str,
    /// Where the formula comes from.
    pub source: &'static str,
    /// An expression that uses it, and whose value is `result`.
    pub example: &'static str,
    /// The value of `example`.
    pub result: &'static str,
    /// Whether there is an aggregate of the same name without `list_`.
    pub aggregate: Aggregate,
    pub(super) kind: Kind,
}

/// What functions are about: the sections of docs/statistics.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// Where values lie.
    Location,
    /// How far they lie apart.
    Spread,
    /// What their distribution looks like.
    Shape,
    /// Where the true value is.
    Intervals,
    /// How much one sample tells about the next.
    Dependence,
    /// Which values are far from the rest.
    Outliers,
    /// Whether two lists differ, and by how much.
    TwoSamples,
    /// What varies: the groups or what is in them.
    Groups,
    /// Deciding about many at once.
    ManyTests,
    /// How much must be measured.
    Planning,
    /// From what is stored to what is meant.
    Samples,
}

impl Family {
    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Location => "Location",
            Self::Spread => "Spread",
            Self::Shape => "Shape",
            Self::Intervals => "Intervals",
            Self::Dependence => "Dependence",
            Self::Outliers => "Outliers",
            Self::TwoSamples => "Two samples",
            Self::Groups => "Groups",
            Self::ManyTests => "Many tests",
            Self::Planning => "Planning",
            Self::Samples => "Samples and benchmarks",
        }
    }
}

/// Whether a function of one list is an aggregate too, and what the order of rows means to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregate {
    /// There is none, or the engine's own has the name.
    No,
    /// The order of rows does not matter.
    AnyOrder,
    /// Rows count in the order of `ORDER BY` in the parentheses.
    InOrder,
}

/// A number among the parameters.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Number {
    /// Its name.
    pub name: &'static str,
    /// What it is when it is not given; `None` if it must be.
    pub default: Option<f64>,
    pub(super) range: Range,
}

/// Which numbers a parameter takes; any other is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// Between 0 and 1, neither included.
    Open,
    /// From 0 to 1, both included.
    Closed,
    /// From 0 to below 1/2: a share that is cut from each end.
    Tail,
    /// A whole number from 0.
    Whole,
    /// Any number; what it means is the function's matter.
    Any,
}

impl Range {
    pub(super) fn holds(self, value: f64) -> bool {
        match self {
            Self::Open => value > 0.0 && value < 1.0,
            Self::Closed => (0.0..=1.0).contains(&value),
            Self::Tail => (0.0..0.5).contains(&value),
            // Above it not every whole number is a double.
            Self::Whole => (0.0..=9_007_199_254_740_992.0).contains(&value) && value.fract() <= 0.0,
            Self::Any => true,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Open => "lie between 0 and 1",
            Self::Closed => "lie from 0 to 1",
            Self::Tail => "lie from 0 to below 0.5",
            Self::Whole => "be a whole number from 0",
            Self::Any => "be a number",
        }
    }
}

const fn number(name: &'static str, default: Option<f64>, range: Range) -> Number {
    Number { name, default, range }
}

/// What functions of one list have in common: `Function { name: …, ..ONE }`.
const ONE: Function = Function {
    name: "",
    family: Family::Samples,
    lists: &["samples"],
    numbers: &[],
    returns: "double",
    what: "",
    formula: "",
    source: "",
    example: "",
    result: "",
    aggregate: Aggregate::AnyOrder,
    kind: Kind::One(|_, _| None),
};

/// What functions of two lists have in common.
const TWO: Function =
    Function { family: Family::TwoSamples, lists: &["a", "b"], aggregate: Aggregate::No, ..ONE };

/// The confidence level of an interval.
const LEVEL: Number = number("level", Some(0.95), Range::Open);

/// A statistic of two lists, and numbers.
pub(super) type OfTwo = fn(&[f64], &[f64], &[f64]) -> Option<f64>;
/// A statistic of groups, and numbers.
pub(super) type OfGroups = fn(&[&[f64]], &[f64]) -> Option<f64>;
/// A figure of each group, of groups and numbers.
pub(super) type OfEachGroup = fn(&[&[f64]], &[f64]) -> Option<Vec<f64>>;

/// How a function is computed. The slices of doubles hold no nulls; the last slice holds the
/// function's numbers, defaults filled in. `None` becomes null.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// One list → double.
    One(fn(&[f64], &[f64]) -> Option<f64>),
    /// One list → double, computed in a copy that may be put in another order.
    Reordering(fn(&mut [f64], &[f64]) -> Option<f64>),
    /// One list → a double for each element.
    Each(fn(&[f64], &[f64]) -> Option<Vec<f64>>),
    /// One list → a boolean for each element.
    Flags(fn(&[f64], &[f64]) -> Option<Vec<bool>>),
    /// Two lists → double.
    Two(OfTwo),
    /// A list of lists → double.
    Groups(OfGroups),
    /// A list of lists → a double for each of them.
    EachGroup(OfEachGroup),
    /// Numbers → double.
    Numbers(fn(&[f64]) -> Option<f64>),
    /// `list_summary`.
    Summary,
    /// `per_iteration`.
    PerIteration,
    /// `benchmark_label`.
    Label,
}

impl Function {
    /// Name and parameters, optional ones in brackets.
    #[must_use]
    pub fn signature(&self) -> String {
        self.call(self.name, self.lists)
    }

    /// Name and parameters of the aggregate, if there is one.
    #[must_use]
    pub fn aggregate_signature(&self) -> Option<String> {
        let name = self.aggregate_name()?;
        let x = if self.aggregate == Aggregate::InOrder { "x ORDER BY …" } else { "x" };
        // The engine wants what orders the rows last.
        if self.aggregate == Aggregate::InOrder && !self.numbers.is_empty() {
            let numbers: Vec<_> = self.numbers.iter().map(|number| number.name).collect();
            return Some(format!("{name}(x, {} ORDER BY …)", numbers.join(", ")));
        }
        Some(self.call(name, &[x]))
    }

    /// The name of the aggregate, if there is one.
    #[must_use]
    pub fn aggregate_name(&self) -> Option<&'static str> {
        let name = self.name.strip_prefix("list_").unwrap_or(self.name);
        (self.aggregate != Aggregate::No).then_some(name)
    }

    fn call(&self, name: &str, lists: &[&str]) -> String {
        let mut text = lists.join(", ");
        let mut optional = 0;
        for number in self.numbers {
            if number.default.is_some() {
                text.push('[');
                optional += 1;
            }
            text.push_str(if text.is_empty() || text == "[" { "" } else { ", " });
            text.push_str(number.name);
        }
        format!("{name}({text}{})", "]".repeat(optional))
    }
}

/// Every function that benchlake adds to SQL, family by family.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        location::FUNCTIONS,
        spread::FUNCTIONS,
        shape::FUNCTIONS,
        intervals::FUNCTIONS,
        dependence::FUNCTIONS,
        outliers::FUNCTIONS,
        two_sample::FUNCTIONS,
        groups::FUNCTIONS,
        many::FUNCTIONS,
        planning::FUNCTIONS,
        samples::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}
