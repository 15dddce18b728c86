//! Variables of the environment that decide how things run; an allow-list, as others hold secrets.

use super::Facts;

/// The variables that are kept, as `variable.NAME`; all others never leave the process.
pub const VARIABLES: [&str; 27] = [
    "BLIS_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_DEVICE_MAX_CONNECTIONS",
    "CUDA_DEVICE_ORDER",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_MODULE_LOADING",
    "CUDA_VISIBLE_DEVICES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "MALLOC_ARENA_MAX",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_TRIM_THRESHOLD_",
    "MKL_NUM_THREADS",
    "NCCL_ALGO",
    "NCCL_PROTO",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "ROCR_VISIBLE_DEVICES",
    "SLURM_CPUS_PER_TASK",
    "SLURM_JOB_ID",
    "SLURM_JOB_PARTITION",
];

/// Longest value kept, in bytes; these are settings, not texts.
const LONGEST: usize = 256;

/// Adds those of [`VARIABLES`] that `read` knows.
pub(super) fn collect(facts: &mut Facts, read: impl Fn(&str) -> Option<String>) {
    for name in VARIABLES {
        let value = read(name).filter(|value| value.len() <= LONGEST);
        facts.put(&format!("variable.{name}"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A secret in the environment never becomes a fact; a thread count does.
    #[test]
    fn secrets_stay() {
        let environment = [("AWS_SECRET_ACCESS_KEY", "hunter2"), ("HOME", "/root"), ("OMP_NUM_THREADS", "4")];
        let mut facts = Facts::default();
        collect(&mut facts, |name| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        let facts: Vec<_> = facts.0.into_iter().collect();
        assert_eq!(facts, [("variable.OMP_NUM_THREADS".to_owned(), "4".to_owned())]);
    }

    /// No name on the list sounds like a secret.
    #[test]
    fn names_are_harmless() {
        let suspicious = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "URL"];
        assert!(VARIABLES.iter().all(|name| suspicious.iter().all(|word| !name.contains(word))));
    }
}
