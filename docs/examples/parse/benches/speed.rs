//! How fast the parser is: `cargo bench`. docs/benches.md explains it.

use benchlake::{counters::CountingAllocator, harness::Harness};
use parse::{parse, parse_from, sort_by_number};
use std::{fmt::Write, future::ready, hint::black_box, process::ExitCode};

/// So that allocations are counted.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

/// `rows` records of a name, a number and, where `quoted`, a text with a quotation mark and a comma.
fn csv(rows: usize, quoted: bool, numbers: impl Iterator<Item = u64>) -> String {
    let mut text = String::new();
    for (row, number) in numbers.take(rows).enumerate() {
        let end = if quoted { "\"say \"\"when\"\", then go\"" } else { "say when" };
        writeln!(text, "name{row},{number},{end}").expect("a String takes everything");
    }
    text
}

fn main() -> ExitCode {
    let mut harness = Harness::new("parse");

    // A plain function.
    harness.function("number", |b| b.iter(|| black_box("18446744073709551615").parse::<u64>()));

    // Parameters: four benchmarks. Setup is what comes before `iter`; the throughput is in bytes; the
    // result is checked before it is timed.
    harness
        .function("csv", |b| {
            let rows = b.parameter("rows");
            let text = csv(rows, b.parameter("quoted"), b.random());
            b.bytes(text.len()).items(rows).iter(move || parse(&text)).check("its rows", move |parsed| {
                match parsed {
                    Ok(records) if records.len() == rows => Ok(()),
                    Ok(records) => Err(format!("{} rows", records.len())),
                    Err(error) => Err(error.to_string()),
                }
            })
        })
        .axis("rows", [10, 1_000])
        .axis("quoted", [false, true]);

    // An input for each iteration, made and dropped outside the timing; a policy of its own.
    harness
        .function("sort", |b| {
            let records = parse(&csv(1_000, false, b.random())).expect("it is CSV");
            let number = |record: &Vec<String>| record[1].parse::<u64>().expect("it is a number");
            b.items(records.len())
                .inputs(move || records.clone())
                .iter_mut(|records| sort_by_number(records, 1))
                .check("its order", move |(records, ())| records.is_sorted_by_key(number))
        })
        .policy(|policy| policy.min_samples = 50);

    // An asynchronous function, on the executor that comes with the harness; `iter_async_on` takes
    // another, such as tokio's.
    harness.function("csv_async", |b| {
        let text = csv(100, false, b.random());
        let half = text.len() / 2;
        b.bytes(text.len()).iter_async(async move || {
            let mut pieces = [&text[..half], &text[half..]].into_iter();
            parse_from(|| ready(pieces.next())).await
        })
    });

    // For the tests of benchlake: what a benchmark that panics does to the others.
    if std::env::var_os("PARSE_PANIC").is_some() {
        harness.function("panics", |b| b.iter(|| parse(black_box("\"never closed")).expect("it is CSV")));
    }

    harness.main()
}
