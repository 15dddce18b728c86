//! `benchlake completions` and `benchlake man`: made from the command line's own definition.

use crate::{args::Args, failure::Failure};
use benchlake_producers::agent::exit;
use clap::CommandFactory;
use clap_complete::Shell;
use std::{fs, io, path::Path};

pub(crate) fn completions(shell: Shell) -> Result<u8, Failure> {
    clap_complete::generate(shell, &mut Args::command(), "benchlake", &mut io::stdout());
    Ok(exit::OK)
}

pub(crate) fn man(out: Option<&Path>) -> Result<u8, Failure> {
    let command = Args::command();
    match out {
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
        Some(folder) => {
            let named = |error| Failure::usage(format!("{}: {error}", folder.display()));
            fs::create_dir_all(folder).map_err(named)?;
            clap_mangen::generate_to(command, folder).map_err(named)?;
        }
    }
    Ok(exit::OK)
}
