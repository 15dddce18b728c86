//! When a comparison moves the baseline that it was made with.

use benchlake_schemas::{Outcome, Severity};
use serde::{Deserialize, Serialize};

/// After which outcomes a baseline moves to the new side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// Only a person moves it.
    #[default]
    Never,
    /// Something improved, and nothing regressed.
    Improvement,
    /// Nothing regressed.
    NoRegression,
    /// After every comparison.
    Always,
}

/// Whether a baseline moves to the new side after these outcomes, one for each benchmark, and why or why not;
/// `lacking` of its benchmarks the new side did not measure.
///
/// A benchmark that was not measured, as it crashed, would leave the baseline and be missed by nobody. What is inconclusive keeps no baseline from moving, but where all of it is, nothing was decided and
/// nothing moves: many steps that are each too small to see would add up.
///
/// # Errors
/// Why it stays.
///
/// ```
/// use benchlake_analytics::decide::{Moves, should_move};
/// use benchlake_schemas::Outcome::{Equivalent, Improvement};
/// let outcomes = [(Equivalent, None), (Improvement, None)];
/// assert_eq!(should_move(Moves::Improvement, &outcomes, 0), Ok("something improved, nothing regressed"));
/// assert_eq!(should_move(Moves::Improvement, &outcomes[..1], 0), Err("nothing improved"));
/// ```
pub fn should_move(
    moves: Moves,
    outcomes: &[(Outcome, Option<Severity>)],
    lacking: usize,
) -> Result<&'static str, &'static str> {
    let any = |wanted: Outcome| outcomes.iter().any(|(outcome, _)| *outcome == wanted);
    let critical = outcomes.contains(&(Outcome::Regression, Some(Severity::Critical)));
    match moves {
        Moves::Never => Err("by this policy only a person moves it"),
        _ if outcomes.is_empty() => Err("nothing was compared"),
        Moves::Always => Ok("by this policy it moves after every comparison"),
        _ if lacking > 0 => Err("the new side did not measure all of its benchmarks"),
        _ if critical => Err("something regressed critically"),
        _ if any(Outcome::Regression) => Err("something regressed"),
        _ if any(Outcome::Improvement) => Ok("something improved, nothing regressed"),
        Moves::Improvement => Err("nothing improved"),
        Moves::NoRegression if any(Outcome::Equivalent) => Ok("nothing regressed"),
        Moves::NoRegression => Err("nothing was decided: every outcome is inconclusive"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Equivalent, Improvement, Inconclusive, Regression};

    /// A baseline never follows a regression by itself, unless the policy says that it follows everything.
    #[test]
    fn regressions_stop_it() {
        for severity in [None, Some(Severity::Warning), Some(Severity::Critical)] {
            let outcomes = [(Improvement, None), (Regression, severity), (Equivalent, None)];
            for moves in [Moves::Never, Moves::Improvement, Moves::NoRegression] {
                assert!(should_move(moves, &outcomes, 0).is_err(), "{moves:?} {severity:?}");
            }
            assert!(should_move(Moves::Always, &outcomes, 0).is_ok());
        }
        let critical = [(Regression, Some(Severity::Warning)), (Regression, Some(Severity::Critical))];
        assert_eq!(should_move(Moves::NoRegression, &critical, 0), Err("something regressed critically"));
        assert_eq!(should_move(Moves::NoRegression, &critical[..1], 0), Err("something regressed"));
    }

    /// What was not decided moves nothing; one decided benchmark among others does.
    #[test]
    fn what_is_not_decided_moves_nothing() {
        let undecided = [(Inconclusive, None); 3];
        assert!(
            should_move(Moves::NoRegression, &undecided, 0).is_err_and(|why| why.contains("inconclusive"))
        );
        let some = [(Inconclusive, None), (Equivalent, None)];
        assert_eq!(should_move(Moves::NoRegression, &some, 0), Ok("nothing regressed"));
        assert_eq!(should_move(Moves::Improvement, &some, 0), Err("nothing improved"));
        assert_eq!(should_move(Moves::NoRegression, &[], 0), Err("nothing was compared"));
        assert_eq!(should_move(Moves::Always, &[], 0), Err("nothing was compared"));
        let lacking = should_move(Moves::NoRegression, &some, 1);
        assert_eq!(lacking, Err("the new side did not measure all of its benchmarks"));
        assert!(should_move(Moves::Always, &some, 1).is_ok());
        assert!(should_move(Moves::Never, &[(Improvement, None)], 0).is_err());
    }

    /// In TOML the words are those of the documentation.
    #[test]
    fn words() {
        let words: Vec<_> = [Moves::Never, Moves::Improvement, Moves::NoRegression, Moves::Always]
            .map(|moves| serde_json::to_string(&moves).unwrap_or_default())
            .into();
        assert_eq!(words, ["\"never\"", "\"improvement\"", "\"no_regression\"", "\"always\""]);
    }
}
