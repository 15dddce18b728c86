//! One pass: some samples of a workload that was timed before, with one source of counts around each.

use super::{Counted, Read};
use crate::measure::{Clock, Samples, Workload};
use benchlake_schemas::{Flag, Metric, StopReason, now};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Samples of a pass, where time allows.
const MOST: usize = 10;
/// Samples of a pass in any case, if they end before the deadline.
const LEAST: usize = 3;
/// The share of the time that sampling took which a pass may take …
const SHARE: f64 = 0.1;
/// … and the most seconds.
const LONGEST: f64 = 0.25;
/// The share of a sample that may be spent outside the body where the two cannot be told apart.
const BESIDE: f64 = 0.01;

/// What counts something around a sample.
pub(super) trait Source {
    /// What it counts, in the order of its values.
    fn metrics(&self) -> Vec<Metric>;

    /// The shortest sample that it can tell anything of, in seconds.
    fn shortest(&self) -> f64 {
        0.0
    }

    /// Begins to count.
    ///
    /// # Errors
    /// Why that is not possible.
    fn begin(&mut self) -> Result<(), String>;

    /// Stops counting: what came since, a value a metric.
    ///
    /// # Errors
    /// Why that is not known.
    fn end(&mut self) -> Read;

    /// Doubts about what was counted so far.
    fn flags(&self) -> Vec<Flag> {
        Vec::new()
    }
}

/// What the timed samples were like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Timed {
    /// Iterations of each.
    pub(super) iterations: u64,
    /// Seconds of one.
    pub(super) sample: f64,
    /// Seconds of one with what comes before and after it.
    pub(super) whole: f64,
    /// How many there were.
    count: usize,
}

impl Timed {
    /// `None` where nothing was sampled.
    #[expect(clippy::cast_precision_loss, reason = "times and counts of samples are far below 2^53")]
    pub(super) fn of(samples: &Samples) -> Option<Self> {
        let (count, last) = (samples.samples.len(), *samples.samples.last()?);
        let end = *samples.offsets.last()? as f64 / 1e9 + last;
        let sample = samples.samples.iter().sum::<f64>() / count as f64;
        Some(Self {
            iterations: u64::try_from(*samples.iterations.first()?).ok()?,
            sample,
            whole: (end / count as f64).max(sample),
            count,
        })
    }

    /// How many timed samples one of at least `shortest` seconds takes.
    fn repeats(&self, shortest: f64) -> u64 {
        let repeats = (shortest / self.sample.max(1e-9)).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1 and finite")]
        let repeats = repeats.clamp(1.0, 1e9) as u64;
        repeats
    }

    /// How many samples, each of `repeats` timed ones, a pass takes.
    #[expect(clippy::cast_precision_loss, reason = "numbers of samples are far below 2^53")]
    fn samples(&self, repeats: u64) -> usize {
        let time = (SHARE * self.whole * self.count as f64).min(LONGEST);
        let fit = time / (self.whole * repeats as f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 3 and 10")]
        let samples = fit.clamp(LEAST as f64, MOST as f64) as usize;
        samples
    }
}

/// What all passes over one workload have in common.
pub(super) struct Passes<'a> {
    pub(super) workload: &'a mut dyn Workload,
    pub(super) timed: Timed,
    pub(super) clock: &'a Clock,
    /// When they have to be over, in nanoseconds of the clock.
    pub(super) deadline_ns: u64,
    pub(super) interrupted: &'a AtomicBool,
    /// Why the workload can be counted no more.
    pub(super) broken: Option<String>,
}

impl Passes<'_> {
    /// Counts with `source`: a result a metric, each with its samples or why there are none. Nothing
    /// where a person interrupted it before the first sample.
    pub(super) fn run(&mut self, source: &mut dyn Source) -> Vec<Counted> {
        let metrics = source.metrics();
        if let Some(why) = &self.broken {
            return Counted::skipped(&metrics, why);
        }
        let repeats = self.timed.repeats(source.shortest());
        let wanted = self.timed.samples(repeats);
        if !self.fits(repeats, LEAST) {
            return Counted::skipped(&metrics, &self.too_long(repeats));
        }
        let begin = self.clock.now();
        let mut series = vec![Samples { started_at: now(), ..Samples::default() }; metrics.len()];
        let (mut stop, mut beside) = (StopReason::Enough, Vec::new());
        for _ in 0..wanted {
            if self.interrupted.load(Ordering::Relaxed) {
                stop = StopReason::Interrupted;
                break;
            }
            if !self.fits(repeats, 1) {
                stop = StopReason::MaxTime;
                break;
            }
            let start = self.clock.now();
            match self.unbroken(source, repeats, &mut beside) {
                Ok(values) => {
                    let iterations = self.timed.iterations.saturating_mul(repeats);
                    for ((to, metric), value) in series.iter_mut().zip(&metrics).zip(values) {
                        keep(to, *metric, value, start.saturating_sub(begin), iterations);
                    }
                }
                Err(why) => return Counted::skipped(&metrics, &why),
            }
        }
        if is_too_much(&mut beside) {
            return Counted::skipped(&metrics, &too_short(source.shortest()));
        }
        let mut flags = source.flags();
        if series.first().is_some_and(|samples| samples.samples.len() < LEAST) {
            flags.push(Flag::TooFewSamples);
        }
        let counted = metrics.into_iter().zip(series).filter(|(_, samples)| !samples.samples.is_empty());
        counted.map(|(metric, samples)| Counted::of(metric, samples, stop, flags.clone())).collect()
    }

    /// One sample; a workload that panics has its times already, and is not counted further.
    fn unbroken(&mut self, source: &mut dyn Source, repeats: u64, beside: &mut Vec<f64>) -> Read {
        catch_unwind(AssertUnwindSafe(|| self.sample(source, repeats, beside))).unwrap_or_else(|_| {
            let why = "the workload panicked while it was counted, though not while it was timed";
            self.broken = Some(why.to_owned());
            Err(why.to_owned())
        })
    }

    /// One sample. What is prepared before the body and put back after it is left out, save where several
    /// timed samples make one: then its share goes to `beside`.
    fn sample(&mut self, source: &mut dyn Source, repeats: u64, beside: &mut Vec<f64>) -> Read {
        let iterations = self.timed.iterations;
        if repeats == 1 {
            self.workload.prepare(iterations);
            let begun = source.begin();
            self.workload.run(iterations);
            let read = source.end();
            self.workload.settle();
            return begun.and(read);
        }
        source.begin()?;
        let (start, mut inside) = (self.clock.now(), 0);
        for _ in 0..repeats {
            self.workload.prepare(iterations);
            let begin = self.clock.now();
            self.workload.run(iterations);
            inside += self.clock.now().saturating_sub(begin);
            self.workload.settle();
        }
        let whole = self.clock.now().saturating_sub(start);
        beside.push(share_beside(inside, whole));
        source.end()
    }

    /// Whether so many samples would end before the deadline.
    #[expect(clippy::cast_precision_loss, reason = "times of samples are far below 2^53 ns")]
    fn fits(&self, repeats: u64, samples: usize) -> bool {
        let left = self.deadline_ns.saturating_sub(self.clock.now()) as f64 / 1e9;
        self.timed.whole * repeats as f64 * samples as f64 <= left
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of samples are far below 2^53")]
    fn too_long(&self, repeats: u64) -> String {
        format!(
            "no time for it: {LEAST} samples of {:.3} s would not end in time; raise `max_time` or `timeout` in \
             its policy, or make samples shorter",
            self.timed.whole * repeats as f64
        )
    }
}

/// The share of a sample that was spent outside the body.
#[expect(clippy::cast_precision_loss, reason = "times of samples are far below 2^53 ns")]
fn share_beside(inside_ns: u64, whole_ns: u64) -> f64 {
    whole_ns.saturating_sub(inside_ns) as f64 / whole_ns.max(1) as f64
}

/// Whether more is spent outside the body than can be overlooked, by the middle one of the samples: in a
/// single one something else may have run.
fn is_too_much(beside: &mut [f64]) -> bool {
    beside.sort_unstable_by(f64::total_cmp);
    beside.get(beside.len() / 2).is_some_and(|share| *share > BESIDE)
}

fn too_short(shortest: f64) -> String {
    format!(
        "a sample is shorter than the {:?} that the counter can tell, and what comes before and after it is too \
         much to be counted with it: ask for longer samples (`sample_time` in its policy)",
        Duration::from_secs_f64(shortest)
    )
}

/// Adds a sample. A level is no total over its iterations: it stands for one.
fn keep(to: &mut Samples, metric: Metric, value: f64, offset: u64, iterations: u64) {
    let level = matches!(metric, Metric::PeakMemory | Metric::MeanMemory);
    to.offsets.push(i64::try_from(offset).unwrap_or(i64::MAX));
    to.samples.push(value);
    to.iterations.push(if level { 1 } else { i64::try_from(iterations).unwrap_or(i64::MAX) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::WrongResult;
    use benchlake_schemas::{Check, Work};
    use proptest::prelude::*;
    use std::{cell::RefCell, rc::Rc};

    fn timed(sample: f64, whole: f64, count: usize) -> Timed {
        Timed { iterations: 7, sample, whole, count }
    }

    proptest! {
        /// A pass takes between 3 and 10 samples; more than 3 only within a tenth of the sampling time and
        /// a quarter of a second.
        #[test]
        fn samples_are_few(whole in 1e-6_f64..100.0, count in 1_usize..10_000, repeats in 1_u64..1_000) {
            let samples = timed(whole, whole, count).samples(repeats);
            prop_assert!((3..=10).contains(&samples));
            let took = samples as f64 * whole * repeats as f64;
            prop_assert!(samples == 3 || (took <= 0.25 + 1e-9 && took <= 0.1 * whole * count as f64 + 1e-9));
        }

        /// What a counter cannot tell of one sample it can tell of as many as are put together.
        #[test]
        fn repeats_reach_the_shortest(sample in 1e-6_f64..1.0, shortest in 0.0_f64..0.1) {
            let repeats = timed(sample, sample, 30).repeats(shortest);
            prop_assert!(repeats >= 1 && repeats as f64 * sample >= shortest * (1.0 - 1e-9));
            prop_assert!(repeats == 1 || (repeats - 1) as f64 * sample < shortest);
        }
    }

    /// The timed samples' mean, the whole of a sample with what is around it, and nothing of nothing.
    #[test]
    fn timed_samples_are_summed_up() {
        let samples = Samples {
            started_at: 0,
            offsets: vec![0, 2_000_000_000, 4_000_000_000],
            samples: vec![1.0, 1.0, 1.0],
            iterations: vec![7, 7, 7],
            host: Vec::new(),
        };
        let found = Timed::of(&samples).expect("three samples");
        assert_eq!(found.iterations, 7);
        assert!((found.sample - 1.0).abs() < 1e-12 && (found.whole - 5.0 / 3.0).abs() < 1e-12);
        assert_eq!(Timed::of(&Samples::default()), None);
    }

    /// Writes down what is done with it.
    #[derive(Clone, Default)]
    struct Diary {
        lines: Rc<RefCell<Vec<String>>>,
        body: Duration,
        around: Duration,
        panics: bool,
    }

    impl Diary {
        fn note(&self, line: impl Into<String>) {
            self.lines.borrow_mut().push(line.into());
        }
    }

    fn wait(time: Duration) {
        let start = std::time::Instant::now();
        while start.elapsed() < time {}
    }

    impl Workload for Diary {
        fn prepare(&mut self, iterations: u64) {
            self.note(format!("prepare {iterations}"));
            wait(self.around);
        }
        fn run(&mut self, iterations: u64) {
            self.note(format!("run {iterations}"));
            assert!(!self.panics, "as planned");
            wait(self.body);
        }
        fn settle(&mut self) {
            self.note("settle");
        }
        fn check(&mut self) -> Result<Check, WrongResult> {
            Ok(Check::default())
        }
        fn work(&self) -> Work {
            Work::default()
        }
    }

    /// Counts its own samples.
    struct Ordinal {
        diary: Diary,
        samples: f64,
        shortest: f64,
        fails: bool,
    }

    impl Source for Ordinal {
        fn metrics(&self) -> Vec<Metric> {
            vec![Metric::Cycles, Metric::PeakMemory]
        }
        fn shortest(&self) -> f64 {
            self.shortest
        }
        fn begin(&mut self) -> Result<(), String> {
            self.diary.note("begin");
            if self.fails { Err("no".into()) } else { Ok(()) }
        }
        fn end(&mut self) -> Read {
            self.diary.note("end");
            self.samples += 1.0;
            Ok(vec![self.samples, 10.0 * self.samples])
        }
    }

    struct Case {
        diary: Diary,
        timed: Timed,
        shortest: f64,
        fails: bool,
        seconds: f64,
        interrupted: bool,
    }

    fn case() -> Case {
        let timed = timed(1e-6, 1e-6, 1_000);
        Case {
            diary: Diary::default(),
            timed,
            shortest: 0.0,
            fails: false,
            seconds: 60.0,
            interrupted: false,
        }
    }

    fn run(case: &Case) -> Vec<Counted> {
        let clock = Clock::calibrate();
        let mut workload = case.diary.clone();
        let mut passes = Passes {
            workload: &mut workload,
            timed: case.timed,
            clock: &clock,
            deadline_ns: clock.now() + (case.seconds * 1e9) as u64,
            interrupted: &AtomicBool::new(case.interrupted),
            broken: None,
        };
        let (diary, shortest, fails) = (case.diary.clone(), case.shortest, case.fails);
        let mut source = Ordinal { diary, samples: 0.0, shortest, fails };
        let counted = passes.run(&mut source);
        if case.diary.panics {
            let again = passes.run(&mut source);
            assert!(again.iter().zip(&counted).all(|(again, before)| again.error == before.error));
            assert_eq!(again.len(), counted.len());
        }
        counted
    }

    /// Only the body is between begin and end; totals stand beside their iterations, levels beside 1.
    #[test]
    fn the_body_alone_is_counted() {
        let case = case();
        let counted = run(&case);
        let lines = case.diary.lines.borrow();
        assert_eq!(lines[..5], ["prepare 7", "begin", "run 7", "end", "settle"]);
        assert_eq!(lines.len(), 5 * 10);
        let metrics: Vec<Metric> = counted.iter().map(|counted| counted.metric).collect();
        assert_eq!(metrics, [Metric::Cycles, Metric::PeakMemory]);
        assert_eq!(counted[0].samples.samples, (1..=10).map(f64::from).collect::<Vec<_>>());
        assert_eq!(counted[0].samples.iterations, [7; 10]);
        assert_eq!(counted[1].samples.iterations, [1; 10]);
        assert!(counted[0].samples.offsets.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((counted[0].stop, counted[0].error.as_ref()), (StopReason::Enough, None));
    }

    /// A counter with a coarse step counts several samples as one; where what is around them would be
    /// counted too, it is skipped.
    #[test]
    fn short_samples_are_put_together() {
        let body = Duration::from_micros(500);
        let diary = Diary { body, ..Diary::default() };
        let timed = timed(5e-4, 5e-4, 1_000);
        let together = Case { diary, timed, shortest: 0.002, ..case() };
        let counted = run(&together);
        let lines = together.diary.lines.borrow();
        assert_eq!(lines[..5], ["begin", "prepare 7", "run 7", "settle", "prepare 7"]);
        assert_eq!(counted[0].samples.iterations, [4 * 7; 10]);
        let diary = Diary { around: body, body, ..Diary::default() };
        let counted = run(&Case { diary, timed, shortest: 0.002, ..case() });
        assert_eq!(counted[0].stop, StopReason::Skipped);
        assert!(counted[0].error.as_ref().is_some_and(|why| why.contains("sample_time")));
    }

    /// One disturbed sample does not hide the others, and a preparation that takes time shows in all.
    #[test]
    fn the_middle_sample_decides() {
        assert!((share_beside(98, 100) - 0.02).abs() < 1e-12 && share_beside(0, 0) < 1e-12);
        assert!(!is_too_much(&mut [0.0, 0.9, 0.001]) && !is_too_much(&mut []));
        assert!(is_too_much(&mut [0.02, 0.0, 0.03]));
    }

    /// What cannot be counted is skipped for each of its metrics, never 0, and the workload is put back.
    #[test]
    fn failures_are_skipped() {
        let case = Case { fails: true, ..case() };
        let counted = run(&case);
        assert_eq!(counted.len(), 2);
        for counted in &counted {
            assert_eq!((counted.stop, counted.error.as_deref()), (StopReason::Skipped, Some("no")));
            assert!(counted.samples.samples.is_empty());
        }
        assert_eq!(case.diary.lines.borrow().last().map(String::as_str), Some("settle"));
    }

    /// A workload that panics while it is counted is skipped with the reason, from then on.
    #[test]
    fn panics_are_skipped() {
        let case = Case { diary: Diary { panics: true, ..Diary::default() }, ..case() };
        let counted = run(&case);
        assert_eq!(case.diary.lines.borrow().len(), 3, "prepare, begin, run");
        assert!(
            counted.iter().all(|counted| counted.error.as_ref().is_some_and(|why| why.contains("panicked")))
        );
    }

    /// Without time for three samples nothing is begun, and nothing is kept of an interrupted pass.
    #[test]
    fn time_and_interrupts_are_kept_to() {
        let late = Case { seconds: 2.5, timed: timed(1.0, 1.0, 30), ..case() };
        let counted = run(&late);
        assert!(counted[0].error.as_ref().is_some_and(|why| why.contains("max_time")));
        assert!(late.diary.lines.borrow().is_empty());
        assert!(run(&Case { interrupted: true, ..case() }).is_empty());
    }
}
