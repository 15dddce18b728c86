//! What the machine is set to, and how quiet it is.

use super::{Finding, Weight, finding};
use benchlake_producers::machine::{Cpus, LIMIT, Reach, Setting, probe};

/// A finding for each setting: those as wanted are good, those that are not are warned of, and what is
/// not visible is said to be so.
pub(super) fn settings(settings: &[Setting]) -> impl Iterator<Item = Finding> {
    settings.iter().map(|setting| {
        let Setting { name, now, wanted, fit, why, advice, reach, .. } = setting;
        let Some(now) = now else {
            let Reach::Absent(looked_for) = reach else {
                return finding(name, Weight::Note, "not visible here", "");
            };
            return finding(name, Weight::Note, format!("not visible here (no {looked_for})"), "");
        };
        match (fit, reach) {
            (Some(true), _) => finding(name, Weight::Good, now, ""),
            (None, _) => finding(name, Weight::Note, now, advice),
            (Some(false), Reach::Settable) => {
                let advice = format!("{wanted}: {why}; `benchlake doctor --tune` shows what can be set");
                finding(name, Weight::Warning, now, advice)
            }
            (Some(false), Reach::Refused(reason)) => {
                finding(name, Weight::Warning, now, format!("{wanted}: {why}; {reason}"))
            }
            (Some(false), _) => finding(name, Weight::Note, now, format!("{why}; {advice}")),
        }
    })
}

/// What a short probe of every processor says.
pub(super) fn noise() -> Finding {
    let Ok(cpus) = Cpus::allowed() else {
        return finding("noise", Weight::Note, "not probed: the processors are not visible here", "");
    };
    let noise = probe(&cpus);
    if noise.is_noisy() {
        let advice = format!(
            "something else runs here: end it, pin away from it (--pin), or measure elsewhere; beyond {:.0} % every series is flagged `noisy`",
            LIMIT * 100.0
        );
        return finding("noise", Weight::Warning, noise.to_string(), advice);
    }
    finding("noise", Weight::Good, noise.to_string(), "")
}
