//! What the estimates hold.

use super::*;
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Distribution, Normal as Gaussian};

/// `n` sessions of 30 samples around `centre`, with noise between and half as much within.
fn simulated(n: usize, centre: f64, between: f64, rng: &mut Xoshiro256PlusPlus) -> Vec<Vec<f64>> {
    let gauss = Gaussian::new(0.0, 1.0).expect("a distribution");
    let session = |rng: &mut Xoshiro256PlusPlus| {
        let own = centre * (1.0 + between * gauss.sample(rng));
        (0..30).map(|_| own * (1.0 + 0.5 * between * gauss.sample(rng))).collect()
    };
    (0..n).map(|_| session(rng)).collect()
}

fn side(sessions: &[Vec<f64>], block: impl Fn(usize) -> usize) -> Vec<Replicate<'_>> {
    sessions.iter().enumerate().map(|(i, samples)| Replicate { samples, block: block(i) }).collect()
}

const QUICK: Resampling = Resampling { level: 0.95, resamples: 400, seed: 1 };

/// Of 400 intervals at 95 % about 95 % hold the true centre and the true ratio, with 5 sessions as with 10:
/// within what 400 draws of a binomial tell (3.5 standard deviations).
#[test]
fn intervals_cover() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    for n in [5, 10] {
        let (mut centres, mut ratios) = (0, 0);
        for seed in 0..400 {
            let (a, b) = (simulated(n, 1.0, 0.01, &mut rng), simulated(n, 1.0, 0.01, &mut rng));
            let holds = |effect: Option<Effect>| {
                let Interval { low, high } = effect.expect("sessions").estimate.interval;
                usize::from(low <= 1.0 && 1.0 <= high)
            };
            centres += holds(session_centre(&a, Resampling { seed, ..QUICK }));
            ratios += holds(session_ratio(&side(&a, |_| 0), &side(&b, |_| 0), Resampling { seed, ..QUICK }));
        }
        for share in [centres, ratios].map(|holds| holds as f64 / 400.0) {
            assert!((0.912..=0.988).contains(&share), "{n} sessions: {share}");
        }
    }
}

/// p is below 5 % just where the 95 % interval leaves 1 out.
#[test]
fn interval_and_test_are_one_rule() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    for round in 0..60 {
        let (a, b) = (simulated(6, 1.0, 0.01, &mut rng), simulated(7, 1.01, 0.02, &mut rng));
        let found = session_ratio(&side(&a, |_| 0), &side(&b, |_| 0), QUICK).expect("sessions");
        let Interval { low, high } = found.estimate.interval;
        assert_eq!(found.p < 0.05, 1.0 < low || high < 1.0, "{round}: {found:?}");
    }
}

/// What two arms have in common cancels in the ratio of pairs; a true difference of 2 % is found.
#[test]
fn pairs_cancel_what_they_share() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
    let baseline = simulated(10, 1.0, 0.05, &mut rng);
    let slower = |session: &Vec<f64>| session.iter().map(|time| time * 1.02).collect::<Vec<_>>();
    let candidate: Vec<_> = baseline.iter().map(slower).collect();
    let found = paired_session_ratio(&baseline, &candidate, QUICK).expect("sessions").estimate;
    assert!((found.value - 1.02).abs() < 1e-12);
    assert!(found.relative_half_width() < 0.02, "{found:?}");
    assert!(found.interval.low > 1.0, "{found:?}");
}

/// Nodes that differ by 30 %, measured unequally often on both sides, are no regression; without blocks
/// they would be one.
#[test]
fn nodes_are_no_regression() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
    let (quick, slow) = (simulated(12, 1.0, 0.005, &mut rng), simulated(12, 1.3, 0.005, &mut rng));
    let mix = |quicks: std::ops::Range<usize>, slows: std::ops::Range<usize>| {
        let of =
            |part: &[Vec<f64>], block| part.iter().map(|times| (times.clone(), block)).collect::<Vec<_>>();
        [of(&quick[quicks], 0), of(&slow[slows], 1)].concat()
    };
    let (a, b) = (mix(0..9, 0..3), mix(9..12, 3..12));
    let replicates = |side: &'static [(Vec<f64>, usize)], blocks: bool| -> Vec<Replicate<'static>> {
        side.iter()
            .map(|(samples, block)| Replicate { samples, block: if blocks { *block } else { 0 } })
            .collect()
    };
    let (a, b): (&'static [_], &'static [_]) = (a.leak(), b.leak());
    let blocked = session_ratio(&replicates(a, true), &replicates(b, true), QUICK).expect("sessions");
    assert!((blocked.estimate.value - 1.0).abs() < 0.01 && blocked.p > 0.01, "{blocked:?}");
    let pooled = session_ratio(&replicates(a, false), &replicates(b, false), QUICK).expect("sessions");
    assert!(pooled.estimate.value > 1.1, "{pooled:?}");
}

/// One session on each of eight nodes, which differ by 30 %: a change of 2 % is found, none is not, and the
/// test is that of pairs.
#[test]
fn a_session_a_node() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(13);
    let node = |i: usize| 1.0 + 0.3 * i as f64;
    let times = |scale: f64, rng: &mut _| -> Vec<Vec<f64>> {
        (0..8).flat_map(|i| simulated(1, scale * node(i), 0.003, rng)).collect()
    };
    let (a, b, c) = (times(1.0, &mut rng), times(1.02, &mut rng), times(1.0, &mut rng));
    let found = session_ratio(&side(&a, |i| i), &side(&b, |i| i), QUICK).expect("nodes");
    assert!(found.p < 0.01 && (found.estimate.value - 1.02).abs() < 0.01, "{found:?}");
    let same = session_ratio(&side(&a, |i| i), &side(&c, |i| i), QUICK).expect("nodes");
    assert!(same.p > 0.01 && (same.estimate.value - 1.0).abs() < 0.01, "{same:?}");
    let pairs = paired_session_ratio(&a, &b, QUICK).expect("pairs");
    assert!((pairs.t - found.t).abs() < 1e-9 && (pairs.df - found.df).abs() < 1e-12);
    assert_eq!(session_ratio(&side(&a[..1], |_| 0), &side(&b, |_| 0), QUICK), None);
}

/// Nodes that move by themselves, each by another amount, are no regression, however many sessions there are.
#[test]
fn nodes_that_move_are_no_regression() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(17);
    let gauss = Gaussian::new(0.0, 0.01).expect("a distribution");
    let alarms = (0..200).filter(|&seed| {
        let moved: Vec<f64> = (0..5).map(|_| 1.0 + gauss.sample(&mut rng)).collect();
        let times = |of: &dyn Fn(usize) -> f64, rng: &mut _| -> Vec<Vec<f64>> {
            (0..5).flat_map(|node| simulated(6, of(node), 0.003, rng)).collect()
        };
        let (a, b) = (times(&|_| 1.0, &mut rng), times(&|node| moved[node], &mut rng));
        let few = Resampling { resamples: 100, seed, level: 0.95 };
        session_ratio(&side(&a, |i| i / 6), &side(&b, |i| i / 6), few).expect("nodes").p < 0.05
    });
    // 5 %, and what 200 draws of a binomial tell; without the blocks as replicates it would be 60 %.
    assert!(alarms.count() < 22);
}

/// What is noise between runs widens the interval, and the test with it.
#[test]
fn noise_between_runs() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(19);
    let (a, b) = (simulated(10, 1.0, 0.002, &mut rng), simulated(10, 1.02, 0.002, &mut rng));
    let narrow = session_ratio(&side(&a, |_| 0), &side(&b, |_| 0), QUICK).expect("sessions");
    let wide = narrow.with_noise_between_runs(0.02 * 0.02, 8.0, 0.95);
    assert!(narrow.p < 1e-6 && wide.p > 0.2, "{narrow:?} {wide:?}");
    assert!(
        wide.estimate.interval.low < 1.0 && wide.df < 9.0 && (wide.error_between_runs - 0.02).abs() < 1e-15
    );
    assert_eq!(narrow.with_noise_between_runs(0.0, 8.0, 0.95), narrow);
}

/// The same seed gives the same interval; other draws one that hardly differs.
#[test]
fn a_seed_decides() {
    let sessions = simulated(10, 1.0, 0.02, &mut Xoshiro256PlusPlus::seed_from_u64(3));
    let of = |seed| {
        session_centre(&sessions, Resampling { resamples: 2000, seed, level: 0.95 })
            .expect("sessions")
            .estimate
    };
    assert_eq!(of(1), of(1));
    assert!((of(1).interval.low - of(2).interval.low).abs() < 0.002);
}

/// One session, an empty session, NaN, a median that is not positive, a level out of range: no estimate.
/// Samples that are not finite or not positive, but few, are taken in.
#[test]
fn too_few() {
    let times = vec![1.0, 2.0];
    assert_eq!(session_centre(std::slice::from_ref(&times), QUICK), None);
    assert_eq!(session_centre(&[times.clone(), Vec::new()], QUICK), None);
    assert_eq!(session_centre(&[times.clone(), vec![f64::NAN, 1.0]], QUICK), None);
    assert_eq!(session_centre(&[times.clone(), vec![-1.0, 0.0, 3.0]], QUICK), None);
    assert_eq!(session_centre(&[times.clone(), vec![f64::INFINITY]], QUICK), None);
    assert_eq!(session_centre(&[times.clone(), times.clone()], Resampling { level: 1.0, ..QUICK }), None);
    assert_eq!(
        session_ratio(
            &side(std::slice::from_ref(&times), |_| 0),
            &side(&[times.clone(), times.clone()], |_| 0),
            QUICK
        ),
        None
    );
    // Half of the samples are 0: the median has no logarithm.
    assert_eq!(session_centre(&[times.clone(), vec![0.0, 0.0, 1.0, 1.0]], QUICK), None);
    let odd: Vec<Vec<f64>> =
        (0..6).map(|i| vec![1.0, 1.01, 1.02 + f64::from(i) / 100.0, 0.0, f64::INFINITY]).collect();
    let found = session_centre(&odd, QUICK).expect("sessions");
    assert!(found.estimate.interval.low.is_finite() && found.estimate.interval.high.is_finite(), "{found:?}");
}

/// Sessions that agree exactly: equal sides are equal; others differ as far as so few can tell.
#[test]
fn without_any_spread() {
    let of = |n: usize, value: f64| vec![vec![value; 3]; n];
    let found = |n: usize, value: f64| {
        session_ratio(&side(&of(n, 2.0), |_| 0), &side(&of(n, value), |_| 0), QUICK).expect("sessions")
    };
    assert_eq!((found(5, 2.0).estimate.value, found(5, 2.0).p), (1.0, 1.0));
    // 252 orders of five and five, 6 of two and two.
    let Effect { estimate, p, df, .. } = found(5, 4.0);
    assert!((p - 2.0 / 252.0).abs() < 1e-12 && estimate.interval.low > 1.9 && (df - 8.0).abs() < 1e-12);
    let Effect { estimate, p, .. } = found(2, 4.0);
    assert!((p - 1.0 / 3.0).abs() < 1e-12 && (estimate.interval.low - 1.0).abs() < 1e-12);
}

/// Of 2,001 blocks the interval is Student's to the last digits, also with noise between runs of as many degrees of
/// freedom: SciPy's `stats.t.ppf(0.975, df)` for 2,000 and 4,000.
#[test]
fn many_blocks() {
    let times = |scale: f64| -> Vec<Vec<f64>> {
        (0..2001).map(|i| vec![1.0 + scale * f64::from(i * 7 % 101)]).collect()
    };
    let (first, second) = (times(1e-4), times(2e-4));
    let effect = session_ratio(&side(&first, |i| i), &side(&second, |i| i), QUICK).expect("blocks");
    assert_eq!((effect.units, effect.replicates, effect.resamples), (Units::Blocks, 2001, 0));
    let with_noise = effect.with_noise_between_runs(effect.error * effect.error, 2000.0, 0.95);
    for (effect, quantile) in [(effect, 1.961_150_826_099_437_7), (with_noise, 1.960_557_228_793_733_2)] {
        let interval = effect.estimate.interval;
        let reach = (interval.high / interval.low).ln() / 2.0 / (effect.calibration * effect.error);
        assert!((reach / quantile - 1.0).abs() < 1e-11, "{reach} instead of {quantile}");
    }
}
