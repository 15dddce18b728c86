//! `benchlake demo`: the whole line on this machine, with nothing installed.

use crate::{
    args::{Demo, Global},
    arms::Arm,
    deliver::Destination,
    failure::Failure,
    output, query, report,
    rounds::Sessions,
    run::{self, Plan},
};
use benchlake_analytics::{At, report::Options};
use benchlake_producers::{
    agent::exit,
    session::SessionSpec,
    suite::{DEMO, Suite},
};
use std::collections::BTreeMap;

pub(crate) fn run(args: &Demo, global: &Global) -> Result<u8, Failure> {
    let label = "demo.toml";
    let suite = Suite::parse(DEMO, label)?;
    let lake = args.dir.join("lake").display().to_string();
    let mut destination = Destination::lake(&lake)?;
    let template = SessionSpec {
        tags: BTreeMap::from([("demo".into(), "true".into())]),
        ..SessionSpec::new(&suite, label, args.dir.join("spool"), destination.partitions())
    };
    let arms = [Arm::only(&suite, &std::env::current_dir()?)?];
    let sessions = Sessions::Fixed(args.sessions);
    let plan = Plan { suite: &suite, template: &template, arms: &arms, sessions, probe: true };
    let code = run::measure(&plan, &mut destination, global)?;
    if code == exit::INTERRUPTED {
        return Ok(code);
    }
    let parameters = BTreeMap::from([("run".to_owned(), template.run_id.to_string())]);
    output::print("Summary: each benchmark, its interval over sessions");
    query::print_named(&lake, &At::Latest, "summary", &parameters)?;
    output::print("\nReproducibility: spread between sessions against its limit");
    query::print_named(&lake, &At::Latest, "reproducibility", &parameters)?;
    let page = report::write(&lake, &At::Latest, &args.dir.join("report"), Options::default())?;
    output::print(&format!("\nReport: {}", page.display()));
    output::print(&format!(
        "\nTry next:\n  benchlake sql --lake {lake} 'select label, list_median(\"values\") from measured limit 5'\n  \
         benchlake query trend --lake {lake}\n  benchlake run SUITE.toml --lake {lake}"
    ));
    Ok(code)
}
