//! Kernels on a device that the processor plays (`tests/emulated`), so that what they compute is tested where there is
//! no GPU: the very text that NVRTC gets, but for its PTX, compiled as C++.

use super::{
    dtype::Dtype,
    inputs,
    nvrtc::{Defines, Source},
};
use cudarc::driver::LaunchConfig;
use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

const DEVICE: &str = include_str!("../../tests/emulated/device.h");
const PTX: &str = include_str!("../../tests/emulated/ptx.h");

/// An argument of a kernel.
pub(crate) enum Argument {
    Array(Vec<u8>),
    Number(u64),
    Single(f32),
    Double(f64),
}

impl Argument {
    /// `n` elements of `dtype`, filled as [`inputs::filled`] does it.
    pub(crate) fn filled(dtype: Dtype, n: usize, seed: u64) -> Self {
        Self::Array(dtype.write(&inputs::expected(dtype, seed, 0..n)))
    }

    /// Room for `n` elements of `dtype`, which are not numbers yet.
    pub(crate) fn room(dtype: Dtype, n: usize) -> Self {
        Self::Array(vec![0xff; n * dtype.bytes()])
    }

    fn bytes(&self) -> Vec<u8> {
        let of = |length: usize, bytes: &[u8]| [&(length as u64).to_ne_bytes(), bytes].concat();
        match self {
            Self::Array(bytes) => of(bytes.len(), bytes),
            Self::Number(x) => of(0, &x.to_ne_bytes()),
            Self::Single(x) => of(0, &u64::from(x.to_bits()).to_le_bytes()),
            Self::Double(x) => of(0, &x.to_ne_bytes()),
        }
    }
}

/// Launches `kernel` of `source` with the macros `defines`, and gives its arrays afterwards.
pub(crate) fn run(
    source: Source,
    defines: &Defines,
    kernel: &str,
    config: LaunchConfig,
    arguments: &[Argument],
) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let (text, program) = (folder.path().join("kernel.cpp"), folder.path().join("kernel"));
    fs::write(&text, program_of(source, defines, kernel)).expect("written");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let options = ["-std=c++20", "-O1", "-w", "-ffp-contract=off", "-fno-strict-aliasing", "-o"];
    let compiled = Command::new(&compiler).args(options).args([&program, &text]).output();
    let compiled =
        compiled.unwrap_or_else(|error| panic!("{compiler}: {error}; `cargo xtask setup` installs it"));
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let input: Vec<u8> = arguments.iter().flat_map(Argument::bytes).collect();
    let mut child = Command::new(&program)
        .args([config.grid_dim.0.to_string(), config.block_dim.0.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    // It reads everything before it writes anything.
    child.stdin.take().expect("piped").write_all(&input).expect("read");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{} {kernel}: {}", source.name, output.status);
    let mut rest = output.stdout.as_slice();
    let mut arrays = Vec::new();
    for argument in arguments {
        if let Argument::Array(bytes) = argument {
            let (array, after) = rest.split_at(bytes.len());
            arrays.push(array.to_vec());
            rest = after;
        }
    }
    arrays
}

fn program_of(source: Source, defines: &Defines, kernel: &str) -> String {
    let mut text = String::from(DEVICE);
    text.extend(defines.iter().map(|define| format!("#define {}\n", define.replacen('=', " ", 1))));
    for (name, part) in source.parts {
        text.push_str(&format!("\n#line 1 \"{name}\"\n"));
        text.push_str(if *name == "ptx.cuh" { PTX } else { part });
    }
    text = text.replace("extern __shared__ uint4 memory[];", "");
    text + &format!("\nint main(int, char **argv) {{ return launch<{kernel}>(argv); }}\n")
}
