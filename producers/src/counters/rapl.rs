//! Energy of the processor's packages, by RAPL (Running Average Power Limit; Intel SDM volume 3B, and
//! AMD's equivalent): the kernel's powercap files, or else its `power` events.

use super::{Read, pass::Source};
use benchlake_schemas::Metric;
use perf_event::{Builder, Counter, events::Dynamic};
use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The counter makes a step about every millisecond (Intel SDM volume 3B, RAPL interfaces): a sample of
/// this many seconds is 50 steps, so that beginning and end within a step are at most 2 % of it.
pub(super) const SHORTEST: f64 = 0.05;

/// A counter of energy, and how to read it.
#[derive(Debug)]
pub(super) enum Rapl {
    /// One file a package, of microjoules.
    Files(Vec<Package>),
    /// One event a package, with the joules that one count stands for.
    Events(Vec<Counter>, f64),
}

/// One package's files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Package {
    energy: PathBuf,
    /// Where the counter begins at 0 again, in microjoules.
    range: u64,
}

impl Rapl {
    /// Finds a counter of energy under `root` that this process may read.
    ///
    /// # Errors
    /// Why there is none, and what to set.
    pub(super) fn open(root: &Path) -> Result<Self, String> {
        let packages = packages(root);
        let problem = match packages.iter().map(|package| microjoules(&package.energy)).collect() {
            Ok(energies) => {
                let _: Vec<u64> = energies;
                None
            }
            Err(error) => Some(error),
        };
        match (packages.is_empty(), problem) {
            (false, None) => Ok(Self::Files(packages)),
            (true, _) => events(root).map_err(|_| {
                "this machine shows no energy (no RAPL domain under /sys/class/powercap, as in a virtual \
                 machine): measure on the host"
                    .to_owned()
            }),
            (false, Some(error)) => events(root).map_err(|_| {
                format!(
                    "{} cannot be read ({error}): `chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj` or the \
                     capability CAP_PERFMON allows it",
                    packages[0].energy.display()
                )
            }),
        }
    }

    fn read(&mut self) -> Result<Vec<u64>, String> {
        let readings: io::Result<Vec<u64>> = match self {
            Self::Files(packages) => packages.iter().map(|package| microjoules(&package.energy)).collect(),
            Self::Events(counters, _) => counters.iter_mut().map(Counter::read).collect(),
        };
        readings.map_err(|error| format!("the counter of energy cannot be read: {error}"))
    }

    /// Joules between two readings, over all packages.
    #[expect(clippy::cast_precision_loss, reason = "energy of a sample is far below 2^53 µJ")]
    fn joules(&self, before: &[u64], after: &[u64]) -> f64 {
        let pairs = before.iter().zip(after);
        match self {
            Self::Files(packages) => {
                let each = pairs.zip(packages);
                let sum: u64 = each.map(|((before, after), of)| difference(*before, *after, of.range)).sum();
                sum as f64 / 1e6
            }
            Self::Events(_, scale) => {
                pairs.map(|(before, after)| after.wrapping_sub(*before) as f64 * scale).sum()
            }
        }
    }
}

/// What a counter that begins at 0 again after `range` has counted from `before` to `after`, if it did so
/// at most once: 262 kJ are 20 minutes at 200 W.
fn difference(before: u64, after: u64, range: u64) -> u64 {
    if after >= before { after - before } else { range.saturating_sub(before) + after }
}

/// The packages that powercap shows: its domains have names, and subdomains are parts of packages.
fn packages(root: &Path) -> Vec<Package> {
    let Ok(folder) = fs::read_dir(root.join("sys/class/powercap")) else { return Vec::new() };
    let mut packages: Vec<Package> = folder.flatten().filter_map(|entry| package(&entry.path())).collect();
    packages.sort_by(|a, b| a.energy.cmp(&b.energy));
    packages
}

fn package(domain: &Path) -> Option<Package> {
    let text = |name: &str| fs::read_to_string(domain.join(name)).ok();
    if !text("name")?.starts_with("package") {
        return None;
    }
    let range = text("max_energy_range_uj")?.trim().parse().ok()?;
    Some(Package { energy: domain.join("energy_uj"), range })
}

fn microjoules(file: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(file)?;
    text.trim().parse().map_err(|_| io::Error::new(ErrorKind::InvalidData, format!("{text:?} is no number")))
}

/// The event `energy-pkg`, on the first processor of each package, as the kernel lists them.
fn events(root: &Path) -> io::Result<Rapl> {
    let unit = root.join("sys/bus/event_source/devices/power");
    let mut energy = Dynamic::builder(&unit)?;
    energy.event("energy-pkg")?;
    let scale = energy.scale()?.ok_or(ErrorKind::NotFound)?;
    let event = energy.build().map_err(io::Error::other)?;
    let list = fs::read_to_string(unit.join("cpumask"))?;
    let mut counters = Vec::new();
    for processor in list.trim().split(',') {
        let processor = processor.parse().map_err(io::Error::other)?;
        let mut builder = Builder::new(event);
        // What a package takes has no mode: the kernel refuses to leave one out.
        builder.any_pid().one_cpu(processor).exclude_kernel(false).exclude_hv(false).enabled(true);
        counters.push(builder.build()?);
    }
    Ok(Rapl::Events(counters, scale))
}

/// Energy, sample by sample.
#[derive(Debug)]
pub(super) struct Energy<'a> {
    rapl: &'a mut Rapl,
    before: Vec<u64>,
}

impl<'a> Energy<'a> {
    pub(super) fn new(rapl: &'a mut Rapl) -> Self {
        Self { rapl, before: Vec::new() }
    }
}

impl Source for Energy<'_> {
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric::Energy]
    }

    fn shortest(&self) -> f64 {
        SHORTEST
    }

    fn begin(&mut self) -> Result<(), String> {
        self.before = self.rapl.read()?;
        Ok(())
    }

    fn end(&mut self) -> Read {
        let after = self.rapl.read()?;
        Ok(vec![self.rapl.joules(&self.before, &after)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A machine of two packages with a subdomain, written as files.
    fn machine(energies: [&str; 2]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let domains = [
            ("intel-rapl:0", "package-0", energies[0]),
            ("intel-rapl:0:0", "core", "77"),
            ("intel-rapl:1", "package-1", energies[1]),
            ("intel-rapl:2", "psys", "99"),
        ];
        for (domain, name, energy) in domains {
            let folder = root.path().join("sys/class/powercap").join(domain);
            fs::create_dir_all(&folder).expect("a folder");
            for (file, text) in [("name", name), ("energy_uj", energy), ("max_energy_range_uj", "1000000")] {
                fs::write(folder.join(file), format!("{text}\n")).expect("a file");
            }
        }
        root
    }

    fn set(root: &Path, package: usize, energy: u64) {
        let file = root.join(format!("sys/class/powercap/intel-rapl:{package}/energy_uj"));
        fs::write(file, format!("{energy}\n")).expect("a file");
    }

    /// Packages are added up, parts of them are not, and a counter that began at 0 again goes on.
    #[test]
    fn packages_add_up_and_wrap() {
        let root = machine(["999000", "500"]);
        let mut rapl = Rapl::open(root.path()).expect("two packages");
        let mut energy = Energy::new(&mut rapl);
        energy.begin().expect("a reading");
        set(root.path(), 0, 1_000);
        set(root.path(), 1, 3_500);
        let joules = energy.end().expect("a reading")[0];
        assert!((joules - 0.005).abs() < 1e-12, "{joules}");
    }

    /// No domain, and a domain that cannot be read, are told apart, each with what to do.
    #[test]
    fn refusals_say_what_to_set() {
        let nothing = tempfile::tempdir().expect("a folder");
        let said = Rapl::open(nothing.path()).expect_err("no energy");
        assert!(said.contains("measure on the host"), "{said}");
        let said = Rapl::open(machine(["1", "no number"]).path()).expect_err("no number");
        assert!(said.contains("chmod a+r") && said.contains("intel-rapl:0"), "{said}");
    }

    proptest! {
        /// However far a counter has come, what it counts on is what was added.
        #[test]
        fn wrapping(range in 1_u64..1 << 40, start in 0.0_f64..1.0, added in 0.0_f64..1.0) {
            let (before, added) = ((range as f64 * start) as u64, (range as f64 * added) as u64);
            let after = (before + added) % range;
            prop_assert_eq!(difference(before, after, range), added % range);
        }
    }
}
