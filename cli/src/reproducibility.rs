//! `benchlake reproducibility`: do measurements repeat?

use crate::{
    args::{FailOnSpread, Global, Reproducibility as Asked, ReproducibilityFormat as Format},
    failure::Failure,
    output, sql,
};
use benchlake_analytics::{
    Lake,
    decide::{ExplainError, named},
    format,
    reproducibility::{
        Assessed, Assessment, NotJudged, Options, Reproducibility, Reproducible, answer, costs, explain,
        markdown, page, table,
    },
    selection::{Measured, Passes, select},
};
use benchlake_producers::agent::exit;
use std::{collections::BTreeSet, io::Write};
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Asked, global: &Global) -> Result<u8, Failure> {
    let Some(uri) = &args.lake.lake else {
        return Err(Failure::usage("which lake? name it with --lake DIR or BENCHLAKE_LAKE"));
    };
    let line = output::spinner(global);
    line.set_message("reading");
    let found = Runtime::new()?.block_on(async {
        let lake = Lake::open(uri, &args.lake.at).await?;
        Ok::<_, Failure>((found(&lake, args, global).await?, lake.pin().to_string()))
    });
    line.finish_and_clear();
    let (found, pin) = found?;
    let text = match &args.explain {
        Some(name) => explained(&found, name)?,
        None => written(&found, args.format, &pin)?,
    };
    sql::to_stdout(|out| Ok(out.write_all(text.as_bytes())?))?;
    Ok(code(&found, args.fail_on))
}

async fn found(lake: &Lake, args: &Asked, global: &Global) -> Result<Reproducibility, Failure> {
    let selected = select(lake, &args.selector).await?;
    selected.notes.iter().for_each(|note| output::remark(global, note));
    let Asked { limit, level, precision, .. } = *args;
    let options = Options { limit, level, precision, costs: costs(lake, &selected).await? };
    let fits = |group: &Measured| args.filter.as_ref().is_none_or(|filter| filter.is_match(&group.label));
    let mut passes = Passes::new(lake, [&selected], &args.metric, &|_| true);
    let (mut assessed, mut any, mut labels) = (Assessed::default(), false, BTreeSet::new());
    while let Some([mut series]) = passes.next().await? {
        labels.extend(series.iter().map(|group| group.label.clone()));
        series.retain(fits);
        any |= !series.is_empty();
        assessed.add(&selected, &series, &options);
    }
    if let (false, Some(filter)) = (any, &args.filter) {
        let labels: Vec<_> = labels.into_iter().take(5).collect();
        let labels = labels.join(", ");
        return Err(Failure::nothing(format!("no benchmark matches '{filter}'; measured were {labels}, …")));
    }
    Ok(assessed.whole(&selected, &options))
}

fn written(found: &Reproducibility, form: Format, pin: &str) -> Result<String, Failure> {
    Ok(match form {
        Format::Table => table(found),
        Format::Markdown => markdown(found),
        Format::Html => page(found, pin),
        Format::Json => serde_json::to_string_pretty(found).map_err(Failure::internal)? + "\n",
        Format::Csv => {
            let mut bytes = Vec::new();
            format::write(&answer(found)?, format::Format::Csv, &mut bytes)?;
            String::from_utf8(bytes).map_err(Failure::internal)?
        }
    })
}

/// The sentences for the benchmark that is called `name`, or whose title alone holds it.
fn explained(found: &Reproducibility, name: &str) -> Result<String, Failure> {
    let titles: Vec<String> = found.benchmarks.iter().map(Assessment::title).collect();
    let assessment = match named(&titles, name) {
        Ok(place) => &found.benchmarks[place],
        Err(error) => {
            let refused = found.not_judged.iter().find(|it| it.label.contains(name));
            let refused = refused.filter(|_| matches!(error, ExplainError::Nothing { .. }));
            let told = |refused: &NotJudged| format!("{} is not judged: {}.\n", refused.label, refused.why);
            return refused.map(told).ok_or_else(|| error.into());
        }
    };
    let (answer, sentences) = (assessment.reproducible.as_str(), explain(assessment, found).join("\n"));
    Ok(format!("{}: {answer}\n{sentences}\n", assessment.title()))
}

fn code(found: &Reproducibility, fail_on: Option<FailOnSpread>) -> u8 {
    let has = |answer| found.benchmarks.iter().any(|it| it.reproducible == answer);
    let open = has(Reproducible::Undecided) || !found.not_judged.is_empty();
    match fail_on {
        Some(FailOnSpread::NotReproducible) if has(Reproducible::No) => exit::REGRESSION,
        Some(FailOnSpread::Undecided) if has(Reproducible::No) || open => exit::REGRESSION,
        _ => exit::OK,
    }
}
