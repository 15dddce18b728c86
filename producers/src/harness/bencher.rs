//! What a function makes its routine of.

use super::{
    body::{Awaiting, Changing, Consuming, Plain},
    routine::Routine,
};
use benchlake_schemas::{Benchmark, Work};
use std::{any::type_name, pin::Pin, str::FromStr};

/// A benchmark while it is set up: its parameters, its seed, the work of one iteration. Becomes a
/// [`Routine`] by [`iter`](Self::iter), [`inputs`](Self::inputs) or [`iter_async`](Self::iter_async).
#[derive(Debug, Clone)]
pub struct Bencher {
    benchmark: Benchmark,
    seed: u64,
    work: Work,
}

impl Bencher {
    pub(super) fn new(benchmark: Benchmark, seed: u64) -> Self {
        Self { benchmark, seed, work: Work::default() }
    }

    /// The seed of the inputs: the same in every session of a run and in every arm of a comparison,
    /// never 0.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed.max(1)
    }

    /// Random numbers from the seed, the same in every year: SplitMix64 (Steele, Lea and Flood, *Fast
    /// splittable pseudorandom number generators*, OOPSLA 2014).
    pub fn random(&self) -> impl Iterator<Item = u64> + Clone + use<> {
        let mut state = self.seed();
        std::iter::repeat_with(move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }

    /// The value of the parameter `name`.
    ///
    /// # Panics
    /// If the function has no such axis, or the value is no `T`: the benchmark fails, alone.
    #[must_use]
    pub fn parameter<T: FromStr>(&self, name: &str) -> T {
        let benchmark = &self.benchmark;
        let Some(text) = benchmark.parameters.get(name) else {
            panic!("{benchmark} has no parameter {name:?}: add .axis({name:?}, [...])")
        };
        let Ok(value) = text.parse() else { panic!("{benchmark}: {name} is no {}", type_name::<T>()) };
        value
    }

    /// One iteration processes `items` things: elements, messages, lines.
    #[must_use]
    pub fn items(mut self, items: impl TryInto<i64>) -> Self {
        self.work.items = items.try_into().ok();
        self
    }

    /// One iteration has to move `bytes`.
    #[must_use]
    pub fn bytes(mut self, bytes: impl TryInto<i64>) -> Self {
        self.work.bytes = bytes.try_into().ok();
        self
    }

    /// One iteration makes `flops` floating-point operations.
    #[must_use]
    pub fn flops(mut self, flops: impl TryInto<i64>) -> Self {
        self.work.flops = flops.try_into().ok();
        self
    }

    /// The name and version of the formula of the work, such as `gemm-2mnk/1`, where it needs one.
    #[must_use]
    pub fn work_model(mut self, model: impl Into<String>) -> Self {
        self.work.work_model = Some(model.into());
        self
    }

    /// Measures `routine`. Its output is dropped in the timing; to have it dropped outside, let it have
    /// an input: `b.inputs(|| ()).iter(|()| …)`.
    pub fn iter<R: 'static>(self, routine: impl FnMut() -> R + 'static) -> Routine<R> {
        self.routine(None, Plain(routine))
    }

    /// Gives each iteration an input of its own. All inputs of a sample are made by `make` before it,
    /// and outputs are dropped after it, outside the timing.
    pub fn inputs<I, M: FnMut() -> I + 'static>(self, make: M) -> Inputs<M> {
        Inputs { bencher: self, make, batch: None }
    }

    /// Measures an asynchronous `routine`, polled on this thread until it is done. What needs a runtime
    /// (its timers, its sockets) is for [`iter_async_on`](Self::iter_async_on).
    pub fn iter_async<R: 'static>(self, routine: impl AsyncFnMut() -> R + 'static) -> Routine<R> {
        self.iter_async_on(|all| futures_executor::block_on(all), routine)
    }

    /// Measures an asynchronous `routine` on an `executor`, which has to block until the future that it
    /// is given is done: `b.iter_async_on(move |all| runtime.block_on(all), async || …)` for a runtime
    /// of tokio. It is entered once a sample, not once an iteration.
    pub fn iter_async_on<R: 'static>(
        self,
        executor: impl FnMut(Pin<&mut dyn Future<Output = ()>>) + 'static,
        routine: impl AsyncFnMut() -> R + 'static,
    ) -> Routine<R> {
        self.routine(None, Awaiting { executor, routine })
    }

    fn routine<R>(
        self,
        batch: Option<u64>,
        body: impl super::body::Body<Output = R> + 'static,
    ) -> Routine<R> {
        Routine::new(self.benchmark.to_string(), self.work, batch, body)
    }
}

/// A benchmark whose iterations get an input each.
#[derive(Debug, Clone)]
pub struct Inputs<M> {
    bencher: Bencher,
    make: M,
    batch: Option<u64>,
}

impl<M> Inputs<M> {
    /// Has every sample hold `iterations`, and so as many inputs. Without it they are chosen so that a
    /// sample is long enough (`sample_time`), which may be more inputs than fit the memory, or the
    /// cache, that they are to be read from.
    #[must_use]
    pub fn batch(self, iterations: u64) -> Self {
        Self { batch: Some(iterations.max(1)), ..self }
    }

    /// Measures `routine`, which consumes its input.
    pub fn iter<I, R>(self, routine: impl FnMut(I) -> R + 'static) -> Routine<R>
    where
        M: FnMut() -> I + 'static,
        I: 'static,
        R: 'static,
    {
        self.bencher.routine(self.batch, Consuming::new(self.make, routine))
    }

    /// Measures `routine`, which changes its input in place. A check sees the input and the output.
    pub fn iter_mut<I, R>(self, routine: impl FnMut(&mut I) -> R + 'static) -> Routine<(I, R)>
    where
        M: FnMut() -> I + 'static,
        I: 'static,
        R: 'static,
    {
        self.bencher.routine(self.batch, Changing::new(self.make, routine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Workload;

    fn bencher(seed: u64) -> Bencher {
        Bencher::new(Benchmark::new("sort").with("n", 100), seed)
    }

    /// The numbers are those of the published generator, and a seed of 0 still gives some.
    #[test]
    fn random_numbers_are_the_published_ones() {
        let first: Vec<u64> = bencher(1_234_567).random().take(3).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        assert_eq!(bencher(0).seed(), 1);
        assert_ne!(bencher(1).random().next(), bencher(2).random().next());
    }

    /// Work and batch arrive at the workload.
    #[test]
    fn work_is_kept() {
        let routine = bencher(1).items(100).bytes(800_usize).inputs(|| 1).batch(7).iter(|one| one);
        assert_eq!(
            (routine.work().items, routine.work().bytes, routine.work().flops),
            (Some(100), Some(800), None)
        );
        assert_eq!(routine.fixed_iterations(), Some(7));
        assert_eq!(bencher(1).iter(|| ()).fixed_iterations(), None);
    }

    /// A parameter that is not there is named, with what to add.
    #[test]
    #[should_panic(expected = r#"sort{n=100} has no parameter "m": add .axis("m", [...])"#)]
    fn a_missing_parameter_is_named() {
        assert_eq!(bencher(1).parameter::<usize>("n"), 100);
        let _: usize = bencher(1).parameter("m");
    }
}
