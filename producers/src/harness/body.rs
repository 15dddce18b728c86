//! The loops that are timed. Each is compiled for its routine, so that the routine can be inlined, and
//! is entered once a sample: an iteration costs what the routine costs, and a step of a counter.

use std::{
    cell::Cell,
    future::Future,
    hint::black_box,
    mem::needs_drop,
    pin::{Pin, pin},
};

/// What a sample does, and what comes before and after it.
pub(super) trait Body {
    /// What one iteration gives.
    type Output;

    /// Makes what `iterations` take in; not timed.
    fn prepare(&mut self, _iterations: u64) {}

    /// The iterations; timed.
    fn run(&mut self, iterations: u64);

    /// Drops what they gave; not timed.
    fn settle(&mut self) {}

    /// One iteration whose output is looked at; not timed.
    fn once(&mut self) -> Self::Output;
}

/// A routine without inputs. Its outputs are dropped where they are made, in the timing, as where it is
/// used: keeping them would have the allocator never see one come back.
pub(super) struct Plain<F>(pub(super) F);

impl<R, F: FnMut() -> R> Body for Plain<F> {
    type Output = R;

    fn run(&mut self, iterations: u64) {
        // Through `black_box` the captures may have changed in each iteration, for all that the compiler
        // knows, so that nothing made of them is computed once and used again.
        let routine = black_box(&mut self.0);
        for _ in 0..iterations {
            black_box(routine());
        }
    }

    fn once(&mut self) -> R {
        (self.0)()
    }
}

/// A routine that consumes an input in each iteration.
pub(super) struct Consuming<M, I, F, R> {
    make: M,
    routine: F,
    inputs: Vec<I>,
    outputs: Vec<R>,
}

impl<M, I, F, R> Consuming<M, I, F, R> {
    pub(super) fn new(make: M, routine: F) -> Self {
        Self { make, routine, inputs: Vec::new(), outputs: Vec::new() }
    }
}

impl<M: FnMut() -> I, I, F: FnMut(I) -> R, R> Body for Consuming<M, I, F, R> {
    type Output = R;

    fn prepare(&mut self, iterations: u64) {
        refill(&mut self.inputs, &mut self.make, iterations);
        reserve(&mut self.outputs, iterations);
    }

    fn run(&mut self, _iterations: u64) {
        let routine = black_box(&mut self.routine);
        if needs_drop::<R>() {
            self.outputs.extend(self.inputs.drain(..).map(|input| black_box(routine(input))));
        } else {
            self.inputs.drain(..).for_each(|input| {
                black_box(routine(input));
            });
        }
    }

    fn settle(&mut self) {
        self.outputs.clear();
    }

    fn once(&mut self) -> R {
        (self.routine)((self.make)())
    }
}

/// A routine that changes an input in each iteration; the input is dropped with the output.
pub(super) struct Changing<M, I, F, R> {
    make: M,
    routine: F,
    inputs: Vec<I>,
    outputs: Vec<R>,
}

impl<M, I, F, R> Changing<M, I, F, R> {
    pub(super) fn new(make: M, routine: F) -> Self {
        Self { make, routine, inputs: Vec::new(), outputs: Vec::new() }
    }
}

impl<M: FnMut() -> I, I, F: FnMut(&mut I) -> R, R> Body for Changing<M, I, F, R> {
    type Output = (I, R);

    fn prepare(&mut self, iterations: u64) {
        refill(&mut self.inputs, &mut self.make, iterations);
        reserve(&mut self.outputs, iterations);
    }

    fn run(&mut self, _iterations: u64) {
        let routine = black_box(&mut self.routine);
        if needs_drop::<R>() {
            self.outputs.extend(self.inputs.iter_mut().map(|input| black_box(routine(input))));
        } else {
            self.inputs.iter_mut().for_each(|input| {
                black_box(routine(input));
            });
        }
    }

    fn settle(&mut self) {
        self.inputs.clear();
        self.outputs.clear();
    }

    fn once(&mut self) -> (I, R) {
        let mut input = (self.make)();
        let output = (self.routine)(&mut input);
        (input, output)
    }
}

/// An asynchronous routine. The executor is entered once a sample, and gets all iterations as one
/// future: an iteration costs no entry into a runtime.
pub(super) struct Awaiting<X, F> {
    pub(super) executor: X,
    pub(super) routine: F,
}

impl<X, F, U> Body for Awaiting<X, F>
where
    X: FnMut(Pin<&mut dyn Future<Output = ()>>),
    F: FnMut() -> U,
    U: Future,
{
    type Output = U::Output;

    fn run(&mut self, iterations: u64) {
        let routine = black_box(&mut self.routine);
        let finished = Cell::new(false);
        (self.executor)(pin!(async {
            for _ in 0..iterations {
                black_box(routine().await);
            }
            finished.set(true);
        }));
        assert!(finished.get(), "{UNFINISHED}");
    }

    fn once(&mut self) -> U::Output {
        let mut output = None;
        (self.executor)(pin!(async { output = Some((self.routine)().await) }));
        output.expect(UNFINISHED)
    }
}

/// What an executor must not do.
const UNFINISHED: &str = "the executor returned before the future was done: it has to block until then";

/// Has `inputs` hold exactly `iterations` new ones.
fn refill<I>(inputs: &mut Vec<I>, make: &mut impl FnMut() -> I, iterations: u64) {
    inputs.clear();
    inputs.extend((0..iterations).map(|_| make()));
}

/// Makes room for the outputs of `iterations`, where they are kept.
fn reserve<R>(outputs: &mut Vec<R>, iterations: u64) {
    if needs_drop::<R>() {
        // More than memory holds fails there, in words.
        outputs.reserve(usize::try_from(iterations).unwrap_or(usize::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    /// Counts how often it is dropped.
    struct Counted(Rc<Cell<u64>>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    /// Inputs are made before a sample, outputs dropped after it: in `run` neither happens.
    #[test]
    fn inputs_and_outputs_stay_out_of_the_timing() {
        let (made, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (count, fate) = (made.clone(), dropped.clone());
        let make = move || {
            count.set(count.get() + 1);
            Counted(fate.clone())
        };
        let mut consuming = Consuming::new(make.clone(), |input: Counted| input);
        let mut changing = Changing::new(make, |_: &mut Counted| ());
        for body in [&mut consuming as &mut dyn Watched, &mut changing] {
            made.set(0);
            dropped.set(0);
            for sample in 1..=3 {
                body.prepare(5);
                assert_eq!((made.get(), dropped.get()), (5 * sample, 5 * (sample - 1)));
                body.run(5);
                assert_eq!((made.get(), dropped.get()), (5 * sample, 5 * (sample - 1)));
                body.settle();
                assert_eq!((made.get(), dropped.get()), (5 * sample, 5 * sample));
            }
        }
    }

    /// A body whose output does not matter.
    trait Watched {
        fn prepare(&mut self, iterations: u64);
        fn run(&mut self, iterations: u64);
        fn settle(&mut self);
    }

    impl<B: Body> Watched for B {
        fn prepare(&mut self, iterations: u64) {
            Body::prepare(self, iterations);
        }
        fn run(&mut self, iterations: u64) {
            Body::run(self, iterations);
        }
        fn settle(&mut self) {
            Body::settle(self);
        }
    }

    /// As many iterations happen as are asked for, whatever kind of body it is.
    #[test]
    fn iterations_are_counted() {
        let count = Rc::new(Cell::new(0));
        let step = |count: Rc<Cell<u64>>| move || count.set(count.get() + 1);
        let mut plain = Plain(step(count.clone()));
        let one = step(count.clone());
        let mut consuming = Consuming::new(|| (), move |()| one());
        let one = step(count.clone());
        let mut changing = Changing::new(|| (), move |(): &mut ()| one());
        let one = step(count.clone());
        let routine = move || {
            one();
            async { 7 }
        };
        let mut awaiting = Awaiting {
            executor: |all: Pin<&mut dyn Future<Output = ()>>| futures_executor::block_on(all),
            routine,
        };
        assert_eq!(awaiting.once(), 7);
        count.set(0);
        for body in [&mut plain as &mut dyn Watched, &mut consuming, &mut changing, &mut awaiting] {
            body.prepare(1_000);
            body.run(1_000);
            body.settle();
        }
        assert_eq!(count.get(), 4_000);
    }

    /// An executor that gives up early is found out, not timed.
    #[test]
    #[should_panic(expected = "before the future was done")]
    fn an_executor_has_to_finish() {
        let idle = |_: Pin<&mut dyn Future<Output = ()>>| ();
        Body::run(&mut Awaiting { executor: idle, routine: async || () }, 1);
    }
}
