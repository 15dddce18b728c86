//! `compare`: two runs held against each other, benchmark by benchmark, with the hierarchical bootstrap.

use crate::{
    Outcome,
    lake::{self, Plan},
    side::{Said, Side},
};
use benchlake_analytics::{
    At, Lake,
    decide::{self, Options},
    selection::Selector,
    stats::{Effect, Replicate, Resampling, session_ratio},
};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

/// Sessions of each of the two runs, and samples of a series.
const SESSIONS: usize = 10;
const SAMPLES: usize = 50;
/// Benchmarks that NumPy computes; its time is scaled up.
const FOR_NUMPY: usize = 100;
/// How NumPy resamples, and what that is.
const NUMPY: [(&str, &str); 3] = [
    ("samples", "NumPy, samples drawn"),
    ("ranks", "NumPy, ranks drawn"),
    ("medians", "NumPy, medians drawn as ours"),
];

const fn plan(benchmarks: usize) -> Plan {
    Plan { benchmarks, runs: 2, sessions: SESSIONS, samples: SAMPLES }
}

/// Answers for one run of our side: the lake is opened, and its two runs are compared.
pub(crate) fn from_lake(lake: &Path) -> Outcome<Said> {
    let uri = lake.to_str().ok_or("the folder's name is no text")?;
    let (base, new): (Selector, Selector) = ("commit:0000000".parse()?, "commit:1111111".parse()?);
    let runtime = tokio::runtime::Runtime::new()?;
    let began = Instant::now();
    let comparison = runtime.block_on(async {
        let lake = Lake::open(uri, &At::Latest).await?;
        Outcome::Ok(decide::compare(&lake, &base, &new, &Options::default()).await?)
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let effects: Vec<_> = comparison.compared.iter().filter_map(|one| one.effect).collect();
    Said::now(seconds, sums(&effects))
}

/// Answers for one run of the statistics alone: samples are in memory.
pub(crate) fn statistics(benchmarks: usize) -> Outcome<Said> {
    let plan = plan(benchmarks);
    let run = |benchmark, run| -> Vec<Vec<f64>> {
        (0..SESSIONS).map(|session| plan.times(benchmark, run, session)).collect()
    };
    let data: Vec<_> = (0..benchmarks).map(|benchmark| [run(benchmark, 0), run(benchmark, 1)]).collect();
    let began = Instant::now();
    let effects = on_all_cores(&data)?;
    Said::now(began.elapsed().as_secs_f64(), sums(&effects))
}

/// The effect of every benchmark, in no order.
fn on_all_cores(data: &[[Vec<Vec<f64>>; 2]]) -> Outcome<Vec<Effect>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some([first, second]) = data.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(session_ratio(&replicates(first), &replicates(second), Resampling::default()));
        }
        found
    };
    let cores = thread::available_parallelism()?.get();
    let effects: Vec<Effect> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    if effects.len() == data.len() { Ok(effects) } else { Err("a benchmark has no effect".into()) }
}

fn replicates(side: &[Vec<f64>]) -> Vec<Replicate<'_>> {
    side.iter().map(|samples| Replicate { samples, block: 0 }).collect()
}

/// The sum of the ratios, and how wide the intervals are on average.
fn sums(effects: &[Effect]) -> Vec<f64> {
    let width = |effect: &Effect| (effect.estimate.interval.high / effect.estimate.interval.low).ln() / 2.0;
    let widths: f64 = effects.iter().map(width).sum();
    vec![effects.iter().map(|effect| effect.estimate.value).sum(), widths / effects.len() as f64]
}

/// A side and how many benchmarks it computes.
struct Timed {
    side: Side,
    benchmarks: usize,
}

/// Has the comparison of `benchmarks` benchmarks made `rounds` times by every side, and prints what each
/// took; then the memory of four times as many.
pub(crate) fn compare(home: &Path, benchmarks: usize, rounds: usize) -> Outcome<()> {
    let lake = home.join("lake");
    let write = |lake: &Path, benchmarks| {
        tokio::runtime::Runtime::new()?.block_on(lake::write(lake, &plan(benchmarks)))
    };
    write(&lake, benchmarks)?;
    let mut timed = vec![
        Timed { side: of_lake("benchlake, from the lake", &lake)?, benchmarks },
        Timed { side: of_statistics("benchlake, statistics", benchmarks)?, benchmarks },
        Timed { side: of_statistics("benchlake, statistics", FOR_NUMPY)?, benchmarks: FOR_NUMPY },
    ];
    timed.extend(numpy(home)?);
    for round in 0..rounds {
        let count = timed.len();
        for turn in 0..count {
            timed[(round + turn) % count].side.run()?;
        }
    }
    println!(
        "\n{benchmarks} benchmarks, {SESSIONS} + {SESSIONS} sessions of {SAMPLES} samples, {} resamples\n",
        Resampling::default().resamples
    );
    same_figures(&timed)?;
    tell(&timed)?;
    let many = home.join("many");
    write(&many, 4 * benchmarks)?;
    let mut large = of_lake("", &many)?;
    large.run()?;
    println!(
        "\nfrom the lake with four times the benchmarks: {:.2} s, peak {} MiB",
        large.median()?.seconds,
        large.peak_mib()
    );
    Ok(())
}

fn of_lake(name: &str, lake: &Path) -> Outcome<Side> {
    Side::ours(name, &["--side", "compare", "--home", &lake.display().to_string()])
}

fn of_statistics(name: &str, benchmarks: usize) -> Outcome<Side> {
    Side::ours(name, &["--side", "statistics", "--benchmarks", &benchmarks.to_string()])
}

/// NumPy's ways, with the data in a file.
fn numpy(home: &Path) -> Outcome<Vec<Timed>> {
    let (file, plan) = (home.join("data"), plan(FOR_NUMPY));
    let mut bytes = Vec::new();
    for benchmark in 0..FOR_NUMPY {
        for session in 0..2 * SESSIONS {
            let times = plan.times(benchmark, session / SESSIONS, session % SESSIONS);
            bytes.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        }
    }
    fs::write(&file, bytes)?;
    let file = file.display().to_string();
    let shape = [FOR_NUMPY, SESSIONS, SAMPLES].map(|size| size.to_string());
    let peer = |(how, name): (&str, &str)| {
        let side = Side::peer(name, &["compare", how, &file, &shape[0], &shape[1], &shape[2]])?;
        Some(Timed { side, benchmarks: FOR_NUMPY })
    };
    Ok(NUMPY.into_iter().filter_map(peer).collect())
}

/// That NumPy's ratios are ours to one part in 10⁹, and its intervals as wide to 2 %: they are resampled.
fn same_figures(timed: &[Timed]) -> Outcome<()> {
    let sums = |timed: &Timed| Outcome::Ok(timed.side.median()?.sums.clone());
    let pairs = [(1, 0, 1e-9, 0.02)].into_iter().chain((3..timed.len()).map(|numpy| (2, numpy, 1e-9, 0.02)));
    for (first, second, ratios, widths) in pairs {
        let (a, b) = (sums(&timed[first])?, sums(&timed[second])?);
        let apart = |i: usize| (a[i] / b[i] - 1.0).abs();
        if apart(0) > ratios || apart(1) > widths {
            let names = [first, second].map(|side| timed[side].side.name.as_str());
            return Err(format!("{names:?} computed {a:?} and {b:?}").into());
        }
    }
    Ok(())
}

/// Each side's time for a benchmark, and how often ours goes into it: from the lake, and the statistics alone.
fn tell(timed: &[Timed]) -> Outcome<()> {
    let cores = thread::available_parallelism()?.get();
    println!(
        "| side | benchmarks | seconds | ms a benchmark | times ours from the lake | times our statistics \
         | of those, per core | peak MiB |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    let each = |timed: &Timed| Outcome::Ok(timed.side.median()?.seconds * 1e3 / timed.benchmarks as f64);
    let (from_lake, statistics) = (each(&timed[0])?, each(&timed[1])?);
    for one in timed {
        let (seconds, each) = (one.side.median()?.seconds, each(one)?);
        // NumPy computes on one core, whatever there is.
        let per_core = match NUMPY.iter().any(|(_, name)| *name == one.side.name) {
            true => format!("{:.1}", each / statistics / cores as f64),
            false => String::new(),
        };
        println!(
            "| {} | {} | {seconds:.2} | {each:.3} | {:.1} | {:.1} | {per_core} | {} |",
            one.side.name,
            one.benchmarks,
            each / from_lake,
            each / statistics,
            one.side.peak_mib()
        );
    }
    println!("\n{cores} cores, NumPy on one of them; wished: at least 50 times ours");
    Ok(())
}
