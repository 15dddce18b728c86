//! Where the libraries of CUDA lie.
//!
//! The loader looks in `LD_LIBRARY_PATH` and in the system's folders, for the names that the bindings ask for.
//! Many machines have them elsewhere (an installation in `/usr/local/cuda`, packages of pip or conda) or under
//! other names (`libnccl.so.2`, `libcublas.so.13`). What is found there is linked in a folder under the name that
//! is asked for, and that folder comes last in the `LD_LIBRARY_PATH` of sessions: what the user has put there
//! stays first.

use super::library::Library;
use cudarc::get_lib_name_candidates;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Names a CUDA installation, an environment of Python, or a folder of libraries, to be taken before the
/// system's.
pub(crate) const VARIABLE: &str = "BENCHLAKE_CUDA_PATH";
/// Variables in which others name installations and environments.
const INSTALLATIONS: [&str; 4] = ["CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "CONDA_PREFIX"];
/// Needed by some of the libraries, and asked for by none of ours.
const COMPANIONS: [&str; 1] = ["nvJitLink"];

/// Folders, in the order in which they are searched.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Those of `LD_LIBRARY_PATH`.
    user: Vec<PathBuf>,
    /// Those of [`VARIABLE`].
    chosen: Vec<PathBuf>,
    /// Those where the loader looks anyway.
    system: Vec<PathBuf>,
    /// Those where it does not.
    elsewhere: Vec<PathBuf>,
}

/// A library that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    /// Whether the loader finds it by itself.
    pub(crate) loads: bool,
}

impl Places {
    /// Those of this machine, for this process.
    pub(crate) fn of_machine() -> Self {
        Self::under(Path::new("/"), |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// Those below `root`, with the variables of an environment.
    fn under(root: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let paths = |name: &str| variable(name).map(PathBuf::from);
        let named = INSTALLATIONS.into_iter().filter_map(paths);
        let versions = matching(&root.join("usr/local"), "cuda-");
        let usual =
            ["usr/local/cuda", "opt/cuda", "usr/local", "usr", "opt/conda"].map(|path| root.join(path));
        let home = paths("HOME").map(|home| home.join(".local"));
        Self {
            user: variable("LD_LIBRARY_PATH")
                .map(|value| {
                    std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect()
                })
                .unwrap_or_default(),
            chosen: paths(VARIABLE)
                .into_iter()
                .flat_map(|path| [path.clone()].into_iter().chain(folders(&path)))
                .collect(),
            system: system(root),
            elsewhere: named
                .chain(usual)
                .chain(versions)
                .chain(home)
                .flat_map(|path| folders(&path))
                .collect(),
        }
    }

    /// Where the library `stem` (`cublas`) is.
    pub(crate) fn find(&self, stem: &str) -> Option<Found> {
        let names = get_lib_name_candidates(stem);
        let asked = |folders: &[PathBuf]| {
            let files = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
            files.into_iter().find(|file| file.is_file()).map(|file| Found { file, loads: true })
        };
        let any = |folders: &[PathBuf]| {
            let file = folders.iter().find_map(|folder| versions(folder, stem).into_iter().next());
            file.map(|file| Found { file, loads: false })
        };
        asked(&self.user).or_else(|| any(&self.chosen)).or_else(|| asked(&self.system)).or_else(|| {
            [&self.user, &self.system, &self.elsewhere].into_iter().find_map(|folders| any(folders))
        })
    }

    /// What to link, by name: each library that the loader would not find, with the files of its family beside
    /// it, which it loads itself. Empty where there is no driver, as nothing could be done with them.
    pub(crate) fn links(&self) -> BTreeMap<String, PathBuf> {
        let mut links = BTreeMap::new();
        if self.find(Library::Driver.stem()).is_none() {
            return links;
        }
        let wanted = Library::ALL.into_iter().skip(1).map(Library::stem);
        for stem in wanted.chain(COMPANIONS) {
            let Some(Found { file, loads: false }) = self.find(stem) else { continue };
            let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
            links.entry(format!("lib{stem}.so")).or_insert(file);
            for file in family(stem).iter().flat_map(|stem| versions(&folder, stem)) {
                if let Some(name) = file.file_name().map(|name| name.to_string_lossy().into_owned()) {
                    links.entry(name).or_insert(file);
                }
            }
        }
        links
    }
}

/// The libraries that `stem` loads itself from its own folder, and it.
fn family(stem: &str) -> Vec<&str> {
    match stem {
        "cublas" | "cublasLt" => vec!["cublas", "cublasLt"],
        "nvrtc" => vec!["nvrtc", "nvrtc-builtins"],
        alone => vec![alone],
    }
}

/// Folders of libraries below an installation or an environment that there are.
fn folders(base: &Path) -> Vec<PathBuf> {
    let packages = matching(&base.join("lib"), "python3")
        .into_iter()
        .flat_map(|python| [python.join("site-packages"), python.join("dist-packages")])
        .chain([base.join("lib64/python3/site-packages"), base.to_owned()]);
    let of_packages = packages.flat_map(|packages| matching(&packages.join("nvidia"), ""));
    [base.join("lib64"), base.join("lib")]
        .into_iter()
        .chain(of_packages.map(|package| package.join("lib")))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// Folders where the loader looks: those of its configuration, and those that are built in.
fn system(root: &Path) -> Vec<PathBuf> {
    let parts = fs::read_dir(root.join("etc/ld.so.conf.d")).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = parts.map(|part| part.path()).collect();
    files.sort_unstable();
    files.insert(0, root.join("etc/ld.so.conf"));
    let texts: Vec<String> = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
    let configured = lines.filter_map(|line| line.strip_prefix('/'));
    let built_in = ["lib64", "usr/lib64", "lib", "usr/lib"];
    configured.chain(built_in).map(|folder| root.join(folder)).collect()
}

/// Files `lib<stem>.so` and `lib<stem>.so.<version>` of `folder`, the shortest name first, then the newest.
fn versions(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let bare = format!("lib{stem}.so");
    let mut files = matching(folder, &bare);
    files.retain(|file| {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let rest = name.strip_prefix(&bare).unwrap_or("?");
        file.is_file() && rest.chars().all(|c| c == '.' || c.is_ascii_digit())
    });
    files.sort_by_key(|file| file.file_name().is_some_and(|name| name != bare.as_str()));
    files
}

/// What lies in `folder` under names that begin with `prefix`, the highest number first.
fn matching(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_by_cached_key(|name| std::cmp::Reverse((numbers(name), name.clone())));
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// The numbers in a name, so that 3.12 comes after 3.9.
pub(crate) fn numbers(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The version of the library `file`, without loading it: that of its own name, behind all links, else that of
/// the package of pip whose it is, else what its name has of it.
pub(crate) fn version(file: &Path) -> Option<String> {
    let file = fs::canonicalize(file).ok()?;
    let name = file.file_name()?.to_string_lossy().into_owned();
    let (stem, of_name) = name.split_once(".so.")?;
    if of_name.contains('.') {
        return Some(of_name.to_owned());
    }
    Some(package(&file, stem.trim_start_matches("lib"), of_name).unwrap_or_else(|| of_name.to_owned()))
}

/// The version of the package `nvidia_<stem>…-<version>.dist-info` beside the folder `nvidia` of `file`, whose
/// major version is `major`.
fn package(file: &Path, stem: &str, major: &str) -> Option<String> {
    let packages = file.ancestors().find(|folder| folder.ends_with("nvidia"))?.parent()?;
    let found =
        ["", "cuda_"].into_iter().flat_map(|kind| matching(packages, &format!("nvidia_{kind}{stem}")));
    found.into_iter().find_map(|folder| {
        let name = folder.file_name()?.to_string_lossy().into_owned();
        let (package, version) = name.strip_suffix(".dist-info")?.split_once('-')?;
        let rest = package.trim_start_matches("nvidia_").trim_start_matches("cuda_").strip_prefix(stem)?;
        let is_it = rest.is_empty() || rest.starts_with('_');
        (is_it && version.split('.').next() == Some(major)).then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A machine with these files, all empty.
    fn machine(files: &[&str]) -> TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for file in files {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            fs::write(file, "").expect("a file");
        }
        fs::create_dir_all(root.path().join("etc/ld.so.conf.d")).expect("a folder");
        fs::write(
            root.path().join("etc/ld.so.conf.d/x86_64.conf"),
            "# a comment\n/usr/lib/x86_64-linux-gnu\n",
        )
        .expect("a file");
        root
    }

    fn places(root: &TempDir, variables: &[(&str, &str)]) -> Places {
        Places::under(root.path(), |name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(root.path().join(value).into())
        })
    }

    fn links(root: &TempDir, variables: &[(&str, &str)]) -> Vec<String> {
        let within = |file: &Path| file.strip_prefix(root).expect("within").display().to_string();
        let links = places(root, variables).links();
        links.iter().map(|(name, file)| format!("{name} {}", within(file))).collect()
    }

    const DRIVER: &str = "usr/lib/x86_64-linux-gnu/libcuda.so.1";

    /// What the loader finds is left alone; what it would not find, or under no name that is asked for, is
    /// linked, with the files that it loads itself.
    #[test]
    fn what_is_missing_is_linked() {
        let root = machine(&[
            DRIVER,
            "usr/lib/x86_64-linux-gnu/libcublas.so.12",
            "usr/lib/x86_64-linux-gnu/libnccl.so.2",
            "usr/local/cuda-12.8/lib64/libcufft.so.11",
            "usr/local/cuda-12.8/lib64/libcublas.so.12",
            "usr/local/cuda-12.8/lib64/libnvrtc.so.12",
            "usr/local/cuda-12.8/lib64/libnvrtc-builtins.so.12.8",
            "usr/local/cuda-12.8/lib64/libnvrtc-builtins.alt.so.12.8",
            "usr/local/cuda-12.8/lib64/libcufftw.so.11",
            "usr/local/cuda-12.8/lib64/libstdc++.so.6",
            "usr/local/cuda-11.4/lib64/libnvrtc.so.11.2",
        ]);
        let expected = [
            "libcufft.so usr/local/cuda-12.8/lib64/libcufft.so.11",
            "libcufft.so.11 usr/local/cuda-12.8/lib64/libcufft.so.11",
            "libnccl.so usr/lib/x86_64-linux-gnu/libnccl.so.2",
            "libnccl.so.2 usr/lib/x86_64-linux-gnu/libnccl.so.2",
            "libnvrtc-builtins.so.12.8 usr/local/cuda-12.8/lib64/libnvrtc-builtins.so.12.8",
            "libnvrtc.so usr/local/cuda-12.8/lib64/libnvrtc.so.12",
            "libnvrtc.so.12 usr/local/cuda-12.8/lib64/libnvrtc.so.12",
        ];
        assert_eq!(links(&root, &[]), expected);
    }

    /// Packages of pip are found in the environment that is active, the newest Python first; what the user has
    /// put into `LD_LIBRARY_PATH` comes before all, and what he names before the system's.
    #[test]
    fn environments_of_python() {
        let root = machine(&[
            DRIVER,
            "usr/lib/x86_64-linux-gnu/libcusparse.so.12",
            "venv/lib/python3.9/site-packages/nvidia/cusparse/lib/libcusparse.so.11",
            "venv/lib/python3.12/site-packages/nvidia/cusparse/lib/libcusparse.so.12",
            "venv/lib/python3.12/site-packages/nvidia/nvjitlink/lib/libnvJitLink.so.12",
            "mine/libcusparse.so.12",
        ]);
        let found = |variables: &[(&str, &str)]| {
            let found = places(&root, variables).find("cusparse").expect("it is there");
            (found.file.strip_prefix(&root).expect("within").display().to_string(), found.loads)
        };
        let packages = "venv/lib/python3.12/site-packages/nvidia";
        let system = "usr/lib/x86_64-linux-gnu/libcusparse.so.12";
        assert_eq!(found(&[("VIRTUAL_ENV", "venv")]), (system.into(), true));
        let of_venv = format!("{packages}/cusparse/lib/libcusparse.so.12");
        assert_eq!(found(&[("BENCHLAKE_CUDA_PATH", "venv")]), (of_venv, false));
        let both = [("BENCHLAKE_CUDA_PATH", "venv"), ("LD_LIBRARY_PATH", "mine")];
        assert_eq!(found(&both), ("mine/libcusparse.so.12".into(), true));
        let linked = links(&root, &[("BENCHLAKE_CUDA_PATH", "venv")]);
        assert!(linked.contains(&format!("libnvJitLink.so.12 {packages}/nvjitlink/lib/libnvJitLink.so.12")));
        assert!(linked.contains(&format!("libcusparse.so.12 {packages}/cusparse/lib/libcusparse.so.12")));
    }

    /// Without a driver nothing is linked: nothing could be done with it.
    #[test]
    fn nothing_without_a_driver() {
        let root = machine(&["usr/local/cuda/lib64/libnvrtc.so.13"]);
        assert_eq!(links(&root, &[]), [""; 0]);
        assert!(places(&root, &[]).find("nvrtc").is_some_and(|found| !found.loads));
    }

    /// The version of a file is behind its links, or that of its package; not that of another package with a
    /// similar name.
    #[test]
    fn versions_are_read_from_names() {
        let root = machine(&[
            "usr/lib/libnccl.so.2.21.5",
            "site/nvidia/cusparse/lib/libcusparse.so.12",
            "site/nvidia_cusparse_cu11-11.7.4.91.dist-info/METADATA",
            "site/nvidia_cusparse_cu12-12.5.4.2.dist-info/METADATA",
            "site/nvidia_cusparselt_cu12-12.9.9.dist-info/METADATA",
            "site/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
            "site/nvidia_cuda_nvrtc_cu12-12.8.61.dist-info/METADATA",
            "opt/libcufft.so.11",
        ]);
        std::os::unix::fs::symlink("libnccl.so.2.21.5", root.path().join("usr/lib/libnccl.so.2"))
            .expect("a link");
        let version = |file: &str| version(&root.path().join(file)).expect("a version");
        assert_eq!(version("usr/lib/libnccl.so.2"), "2.21.5");
        assert_eq!(version("site/nvidia/cusparse/lib/libcusparse.so.12"), "12.5.4.2");
        assert_eq!(version("site/nvidia/cuda_nvrtc/lib/libnvrtc.so.12"), "12.8.61");
        assert_eq!(version("opt/libcufft.so.11"), "11");
    }
}
