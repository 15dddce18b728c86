//! The devices that compute beside the processor.

use super::{Finding, Weight, finding};
use benchlake_producers::gpu::{Condition, conditions};
use std::path::Path;

/// A finding for each condition of the devices, and one for a device that is not supported.
pub(super) fn gpus() -> Vec<Finding> {
    let mut findings: Vec<Finding> = conditions().into_iter().map(of).collect();
    if Path::new("/dev/kfd").exists() {
        let found = "an AMD device, not supported yet";
        findings.push(finding("gpu", Weight::Note, found, "GPU workloads say `skipped` on it"));
    }
    findings
}

fn of(Condition { found, fit, advice }: Condition) -> Finding {
    let weight = match fit {
        Some(true) => Weight::Good,
        Some(false) => Weight::Warning,
        None => Weight::Note,
    };
    finding("gpu", weight, found, advice)
}
