//! `benchlake doctor`: what this machine has for measuring, and what to do about what it lacks.

mod gpu;
mod machine;
mod tune;

use crate::{args::Doctor, deliver::state_folder, failure::Failure, output};
use benchlake_producers::{
    agent::exit,
    emit::{Kafka, KafkaError},
    environment,
    machine::settings,
    measure::Clock,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
    time::Instant,
};

/// How a finding weighs on measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Good,
    Note,
    Warning,
}

struct Finding {
    subject: &'static str,
    weight: Weight,
    found: String,
    advice: String,
}

fn finding(
    subject: &'static str,
    weight: Weight,
    found: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    Finding { subject, weight, found: found.into(), advice: advice.into() }
}

pub(crate) fn run(args: &Doctor) -> Result<u8, Failure> {
    if args.tune || args.apply || args.undo {
        return tune::run(args);
    }
    let brokers = args.brokers.as_deref();
    let cluster = brokers.map(|brokers| args.kafka.cluster(brokers)).transpose()?;
    if args.kafka.show_config {
        return output::config(&[], cluster.as_ref().map(Kafka::config).as_ref());
    }
    let known = environment::probe();
    let mut findings = hardware(&known);
    findings.extend(machine::settings(&settings(Path::new("/"))));
    findings.extend([machine::noise(), clock(), counters()]);
    findings.extend(gpu::gpus());
    findings.extend([disk(), fonts()]);
    let answer = cluster.as_ref().map(Kafka::answers);
    findings.push(kafka(brokers.unwrap_or_default(), answer.as_ref()));
    print(&findings, args.json)?;
    answer.transpose()?;
    Ok(exit::OK)
}

fn print(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        let findings = findings.iter().map(|finding| {
            json!({
                "subject": finding.subject,
                "level": level(finding.weight),
                "found": finding.found,
                "advice": finding.advice,
            })
        });
        output::print(
            &serde_json::to_string_pretty(&findings.collect::<Vec<_>>()).map_err(Failure::internal)?,
        );
        return Ok(());
    }
    for Finding { subject, weight, found, advice } in findings {
        output::print(&format!("{:<8} {subject:<12} {found}", level(*weight)));
        if !advice.is_empty() {
            output::print(&format!("{:<8} {:<12} → {advice}", "", ""));
        }
    }
    Ok(())
}

const fn level(weight: Weight) -> &'static str {
    match weight {
        Weight::Good => "ok",
        Weight::Note => "note",
        Weight::Warning => "warning",
    }
}

fn hardware(known: &BTreeMap<String, String>) -> Vec<Finding> {
    let get = |key: &str| known.get(key).map_or("unknown", String::as_str);
    let caches =
        ["l1d", "l2", "l3"].map(|level| format!("{level} {}", mebibytes(get(&format!("cache.{level}")))));
    let mut findings = vec![
        finding(
            "processor",
            Weight::Good,
            format!("{}, {} threads", get("cpu.model"), get("cpu.threads")),
            "",
        ),
        finding("caches", Weight::Good, caches.join(", "), ""),
        finding("memory", Weight::Good, mebibytes(get("memory.total")), ""),
    ];
    let threads: f64 = get("cpu.threads").parse().unwrap_or(1.0);
    let load: f64 = get("load.1m").parse().unwrap_or(0.0);
    findings.push(if load > 0.25 * threads {
        finding(
            "load",
            Weight::Warning,
            format!("{load} on {threads} threads: others are computing here"),
            "end other work, or measure on a quieter machine",
        )
    } else {
        finding("load", Weight::Good, format!("{load} on {threads} threads"), "")
    });
    findings
}

/// Bytes as people read them.
fn mebibytes(bytes: &str) -> String {
    match bytes.parse::<u64>() {
        Ok(bytes) if bytes >= 1 << 30 => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
        Ok(bytes) if bytes >= 1 << 20 => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        Ok(bytes) => format!("{} KiB", bytes >> 10),
        Err(_) => bytes.to_owned(),
    }
}

fn clock() -> Finding {
    let timer = Clock::calibrate().timer();
    let nanoseconds = |seconds: Option<f64>| seconds.unwrap_or_default() * 1e9;
    let (step, overhead) = (nanoseconds(timer.timer_resolution), nanoseconds(timer.timer_overhead));
    let found = format!("step {step:.0} ns, reading takes {overhead:.0} ns");
    if overhead > 200.0 {
        return finding(
            "clock",
            Weight::Warning,
            found,
            "reading the clock is a system call here: boot with a stable TSC (clocksource=tsc)",
        );
    }
    finding("clock", Weight::Good, found, "")
}

fn counters() -> Finding {
    if !Path::new("/sys/bus/event_source/devices/cpu").exists() {
        return finding(
            "counters",
            Weight::Note,
            "no hardware counters (virtual machine without a PMU)",
            "times are measured all the same; for counters use a host or a VM type that exposes the PMU",
        );
    }
    let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    match paranoid.trim().parse::<i32>() {
        Ok(level) if level > 2 => finding(
            "counters",
            Weight::Note,
            format!("perf_event_paranoid is {level}"),
            "sysctl kernel.perf_event_paranoid=1, or run with CAP_PERFMON",
        ),
        _ => finding("counters", Weight::Good, "hardware counters are there", ""),
    }
}

/// The spool fsyncs each record: how long that takes bounds how fast it can be fed.
fn disk() -> Finding {
    let advice = "give --spool a folder on a local disk that you can write to";
    let folder = state_folder();
    let tried = fs::create_dir_all(&folder).and_then(|()| {
        let path = folder.join("doctor.probe");
        let mut file = File::create(&path)?;
        let began = Instant::now();
        for _ in 0..10 {
            file.write_all(&[1; 4096])?;
            file.sync_data()?;
        }
        let each = began.elapsed().as_secs_f64() * 1e3 / 10.0;
        fs::remove_file(path).map(|()| each)
    });
    match tried {
        Ok(each) if each > 20.0 => finding(
            "disk",
            Weight::Warning,
            format!("{}: fsync takes {each:.1} ms", folder.display()),
            advice,
        ),
        Ok(each) => {
            finding("disk", Weight::Good, format!("{}: fsync takes {each:.1} ms", folder.display()), "")
        }
        Err(error) => finding("disk", Weight::Warning, format!("{}: {error}", folder.display()), advice),
    }
}

fn fonts() -> Finding {
    finding("fonts", Weight::Good, "embedded: plots need no fonts of the system", "")
}

/// What the brokers said, if any were named. What is wrong with them is told in the error that follows.
fn kafka(brokers: &str, answer: Option<&Result<usize, KafkaError>>) -> Finding {
    match answer {
        None => {
            finding("kafka", Weight::Note, "not checked", "name brokers with --brokers; a lake needs none")
        }
        Some(Ok(count)) => finding("kafka", Weight::Good, format!("{brokers}: {count} brokers answer"), ""),
        Some(Err(error)) => finding("kafka", Weight::Warning, error.to_string(), ""),
    }
}
