//! What a session ran on and with, as a flat map of dotted keys, so that two of them can be compared
//! key by key.
//!
//! Only files of sysfs and procfs are read, and NVIDIA's driver is asked where there is one; no command is run,
//! and without that driver the whole takes a few milliseconds. Of the environment's variables only those of [`VARIABLES`] are kept.

mod c_library;
mod host;
mod topology;
mod variables;
mod version_control;

pub use topology::Topology;
pub use variables::VARIABLES;
pub use version_control::{VersionControl, version_control};

use std::{collections::BTreeMap, path::Path};

/// What this process runs on and with. A key that is not known on this machine is left out.
///
/// ```
/// let environment = benchlake_producers::environment::probe();
/// assert_eq!(environment["benchlake.version"], env!("CARGO_PKG_VERSION"));
/// ```
#[must_use]
pub fn probe() -> BTreeMap<String, String> {
    let mut facts = Facts::default();
    let root = Path::new("/");
    host::processor(&mut facts, root);
    host::numa(&mut facts, root);
    host::condition(&mut facts, root);
    host::memory(&mut facts, &Topology::read());
    host::system(&mut facts, root);
    host::container(&mut facts, root);
    build(&mut facts);
    #[cfg(feature = "gpu")]
    for (key, value) in crate::gpu::environment() {
        facts.put(&key, value.as_ref());
    }
    variables::collect(&mut facts, |name| std::env::var(name).ok());
    facts.0
}

/// What benchlake was built with.
fn build(facts: &mut Facts) {
    facts.put("benchlake.version", Some(env!("CARGO_PKG_VERSION")));
    facts.put("benchlake.commit", option_env!("BENCHLAKE_BUILD_COMMIT"));
    facts.put("benchlake.target", Some(env!("BENCHLAKE_TARGET")));
    facts.put("benchlake.opt_level", Some(env!("BENCHLAKE_OPT_LEVEL")));
    facts.put("toolchain.rustc", Some(env!("BENCHLAKE_RUSTC")));
    facts.put("toolchain.gcc", host::compiler("gcc"));
    facts.put("toolchain.libc", c_library::version());
}

/// The map being filled.
#[derive(Debug, Default)]
struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Adds a fact, if it is known and says anything.
    fn put(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.0.insert(key.to_owned(), value);
        }
    }
}

/// The trimmed text of a small file; `None` where it cannot be read or is empty.
pub(crate) fn read_text(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A file that holds one number.
pub(crate) fn read_u64(path: &Path) -> Option<u64> {
    read_text(path)?.parse().ok()
}

/// `0-3,8`: the kernel's lists of processors.
fn parse_cpu_list(text: &str) -> Vec<u64> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<u64>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// The kernel's lists are read; nonsense in them is left out.
    #[test]
    fn cpu_lists() {
        assert_eq!(parse_cpu_list("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert_eq!(parse_cpu_list("x"), [0_u64; 0]);
    }

    /// A session knows where it ran.
    #[test]
    fn a_node_has_a_name() {
        let output = std::process::Command::new("uname").arg("-n").output().expect("uname");
        assert_eq!(probe()["node"], String::from_utf8_lossy(&output.stdout).trim());
    }

    /// A probe is quick: the fastest of five, as other tests run beside it.
    #[test]
    fn probing_takes_below_20_ms() {
        let time = || {
            let start = Instant::now();
            assert!(probe().len() > 10);
            start.elapsed()
        };
        let fastest = (0..5).map(|_| time()).min().expect("five times");
        assert!(fastest < Duration::from_millis(20), "{fastest:?}");
    }
}
