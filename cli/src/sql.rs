//! `benchlake sql`: one query, a file of them, or a shell.

use crate::{
    args::{Global, LakeArgs, Sql},
    failure::Failure,
    output, shell,
};
use benchlake_analytics::{Answer, Lake, ask, context, format};
use benchlake_producers::agent::exit;
use datafusion::prelude::SessionContext;
use std::{
    io::{self, IsTerminal, Read, Write},
    path::Path,
    time::Instant,
};
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Sql, global: &Global) -> Result<u8, Failure> {
    let runtime = Runtime::new()?;
    let context = runtime.block_on(open(&args.lake))?;
    let answer = |query: &str| -> Result<(), Failure> {
        let began = Instant::now();
        let answer = runtime.block_on(ask(&context, query))?;
        print(&answer, args.format.get())?;
        if args.timer {
            let seconds = began.elapsed().as_secs_f64();
            output::remark(global, &format!("{} rows in {seconds:.3} s", answer.rows()));
        }
        Ok(())
    };
    match (&args.query, &args.file) {
        (Some(query), _) => answer(query)?,
        (None, None) if io::stdin().is_terminal() => shell::run(&runtime, &context, &answer)?,
        (None, file) => {
            let file = file.as_deref().unwrap_or(Path::new("-"));
            shell::statements(&read(file)?).all().iter().try_for_each(|query| answer(query))?;
        }
    }
    Ok(exit::OK)
}

/// The tables of the lake, or, without one, SQL alone.
pub(crate) async fn open(args: &LakeArgs) -> Result<SessionContext, Failure> {
    match &args.lake {
        Some(lake) => Ok(Lake::open(lake, &args.at).await?.context()),
        None => Ok(context()),
    }
}

pub(crate) fn print(answer: &Answer, form: format::Format) -> Result<(), Failure> {
    to_stdout(|out| format::write(answer, form, out))
}

/// Writes to standard output; whoever reads may stop early (`| head`).
pub(crate) fn to_stdout(
    write: impl FnOnce(&mut io::BufWriter<io::StdoutLock<'_>>) -> Result<(), format::WriteError>,
) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| Ok(out.flush()?)) {
        Err(format::WriteError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    Ok(text)
}
