//! Every kernel through NVIDIA's own compiler, which needs neither a GPU nor a driver.
//!
//! `cargo xtask setup` installs it (`infra/python/requirements.txt`), and `BENCHLAKE_TEST_NVRTC` names its folder.

use benchlake_producers::gpu::compile_all;
use std::{env, process::Command};

/// Where the dynamic loader looks for libraries: read once, when a process starts.
const PATH: &str = "LD_LIBRARY_PATH";

/// Each kernel with each set of its macros compiles down to machine code without a word from the compiler, for
/// the first architecture with bf16 and for Hopper; and for Turing, whose bf16 is ours.
#[test]
fn kernels_compile() {
    let Some(folder) = env::var("BENCHLAKE_TEST_NVRTC").ok().filter(|folder| !folder.is_empty()) else {
        eprintln!("skipped: no NVRTC: BENCHLAKE_TEST_NVRTC is not set (`cargo xtask test` sets it)");
        return;
    };
    if env::var(PATH).ok().as_ref() != Some(&folder) {
        let itself = Command::new(env::current_exe().expect("a path"))
            .args(["--exact", "kernels_compile", "--nocapture"])
            .env(PATH, folder)
            .status();
        assert!(itself.expect("started").success(), "see above");
        return;
    }
    std::thread::scope(|scope| {
        for capability in [(7, 5), (8, 0), (9, 0)] {
            scope.spawn(move || compile_for(capability));
        }
    });
}

fn compile_for(capability: (i32, i32)) {
    let compiled = compile_all(capability).expect("NVRTC lies in BENCHLAKE_TEST_NVRTC");
    assert!(!compiled.is_empty());
    for (name, said) in &compiled {
        assert!(said.is_empty(), "{name}: {said}");
    }
    eprintln!("{capability:?}: {} programs", compiled.len());
}
