//! A routine with what is known of it: how it is checked, what work it does, what ends it.

use super::body::Body;
use crate::measure::{Workload, WrongResult};
use benchlake_schemas::{Check, Work};
use std::fmt::Display;

/// A routine, ready to be measured; its output is an `R`. Made by [`Bencher`](super::Bencher).
pub struct Routine<R> {
    label: String,
    work: Work,
    batch: Option<u64>,
    judge: Option<Judge<R>>,
    body: Box<dyn Body<Output = R>>,
    // The last field: dropped when the routine's captures are gone.
    _teardown: Teardown,
}

/// How the output of one iteration is judged.
struct Judge<R> {
    reference: String,
    tolerance: f64,
    error: Box<dyn FnMut(&R) -> Judged>,
}

/// The relative error, and a remark on it.
type Judged = (f64, Option<String>);

/// What a check says of an output: `bool`, a `Result` whose error says why not, or nothing, where the
/// check panics instead, as an assertion does.
pub trait Outcome {
    /// # Errors
    /// Why the output is wrong, as far as that is known.
    fn judged(self) -> Result<(), Option<String>>;
}

impl Outcome for bool {
    fn judged(self) -> Result<(), Option<String>> {
        if self { Ok(()) } else { Err(None) }
    }
}

impl Outcome for () {
    fn judged(self) -> Result<(), Option<String>> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn judged(self) -> Result<(), Option<String>> {
        self.map_err(|error| Some(error.to_string()))
    }
}

impl<R> Routine<R> {
    pub(super) fn new(
        label: String,
        work: Work,
        batch: Option<u64>,
        body: impl Body<Output = R> + 'static,
    ) -> Self {
        Self { label, work, batch, judge: None, body: Box::new(body), _teardown: Teardown(None) }
    }

    /// Checks one output in each session before anything is timed: a wrong result has no time.
    /// `reference` says what it is compared with.
    #[must_use]
    pub fn check<O: Outcome>(
        self,
        reference: impl Into<String>,
        mut check: impl FnMut(&R) -> O + 'static,
    ) -> Self {
        self.judged(reference.into(), 0.0, move |output| match check(output).judged() {
            Ok(()) => (0.0, None),
            Err(why) => (f64::INFINITY, why),
        })
    }

    /// The same for a result that may differ from `reference` by the relative error `tolerance`: `error`
    /// tells by how much it does.
    #[must_use]
    pub fn check_within(
        self,
        tolerance: f64,
        reference: impl Into<String>,
        mut error: impl FnMut(&R) -> f64 + 'static,
    ) -> Self {
        self.judged(reference.into(), tolerance, move |output| (error(output), None))
    }

    fn judged(self, reference: String, tolerance: f64, error: impl FnMut(&R) -> Judged + 'static) -> Self {
        Self { judge: Some(Judge { reference, tolerance, error: Box::new(error) }), ..self }
    }

    /// Calls `end` when everything else of the benchmark is gone, also after a panic.
    #[must_use]
    pub fn teardown(self, end: impl FnOnce() + 'static) -> Self {
        Self { _teardown: Teardown(Some(Box::new(end))), ..self }
    }
}

impl<R> Workload for Routine<R> {
    fn run(&mut self, iterations: u64) {
        self.body.run(iterations);
    }

    fn prepare(&mut self, iterations: u64) {
        self.body.prepare(iterations);
    }

    fn settle(&mut self) {
        self.body.settle();
    }

    fn fixed_iterations(&self) -> Option<u64> {
        self.batch
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        let Some(Judge { reference, tolerance, error }) = &mut self.judge else {
            return Ok(Check::default());
        };
        let (error, remark) = error(&self.body.once());
        let reference = remark.map_or_else(|| reference.clone(), |remark| format!("{reference} ({remark})"));
        WrongResult::judge(&self.label, &reference, error, *tolerance)
    }

    fn work(&self) -> Work {
        self.work.clone()
    }
}

/// Something to do at the end.
struct Teardown(Option<Box<dyn FnOnce()>>);

impl Drop for Teardown {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::body::Plain;
    use std::{cell::RefCell, rc::Rc};

    fn three() -> Routine<f64> {
        Routine::new("three".into(), Work::default(), None, Plain(|| 3.0))
    }

    fn judge(mut routine: Routine<f64>) -> Result<Check, WrongResult> {
        Workload::check(&mut routine)
    }

    /// A check is told with its reference, a wrong result with the reason it gave.
    #[test]
    fn checks_judge_the_output() {
        let near = judge(three().check_within(0.1, "a guess", |three| (three / 2.9 - 1.0).abs()));
        let near = near.expect("it is near");
        assert_eq!((near.check.as_deref(), near.check_tolerance), (Some("a guess"), Some(0.1)));
        assert!(judge(three().check_within(0.01, "a guess", |three| three / 2.9 - 1.0)).is_err());
        assert!(judge(three().check("three", |three| *three > 2.0)).is_ok());
        assert!(judge(three().check("three", |_| ())).is_ok());
        let wrong = judge(three().check("four", |three| Err::<(), _>(format!("{three} is odd"))));
        let text = wrong.expect_err("it is three").to_string();
        assert!(
            text.starts_with("three: wrong result: relative error inf against four (3 is odd)"),
            "{text}"
        );
        assert_eq!(judge(three()).expect("nothing is asked"), Check::default());
    }

    /// The end comes after the captures of the routine are gone, and also when it panics.
    #[test]
    fn teardown_comes_last() {
        struct Told(Rc<RefCell<Vec<&'static str>>>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.borrow_mut().push("captures");
            }
        }
        let told = Rc::new(RefCell::new(Vec::new()));
        let (captured, ends) = (Told(told.clone()), told.clone());
        let body = Plain(move || assert!(captured.0.borrow().len() > 5, "a panic"));
        let mut routine = Routine::new("panics".into(), Work::default(), None, body);
        routine = routine.teardown(move || ends.borrow_mut().push("teardown"));
        let work = std::panic::AssertUnwindSafe(move || routine.run(1));
        assert!(std::panic::catch_unwind(work).is_err());
        assert_eq!(*told.borrow(), ["captures", "teardown"]);
    }
}
