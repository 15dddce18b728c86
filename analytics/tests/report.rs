//! Reports over the fixture lake.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fixture;

use benchlake_analytics::{At, Lake, report};
use benchlake_schemas::{Series, Table};
use std::{collections::BTreeMap, fs, path::Path};

async fn files(lake: &Path, at: &str) -> BTreeMap<String, Vec<u8>> {
    let lake = Lake::open(lake.to_str().unwrap(), &at.parse().unwrap()).await.unwrap();
    let out = tempfile::tempdir().unwrap();
    let files = report::write(&lake, out.path(), &report::Options::default()).await.unwrap();
    assert!(files[0].ends_with("index.html"));
    let name = |path: &Path| path.strip_prefix(out.path()).unwrap().display().to_string();
    files.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// A report has a page and, per benchmark, an SVG and a PNG; at the same version it is the same,
/// byte for byte, also after the lake has grown.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_reproduced_at_its_version() {
    let lake = tempfile::tempdir().unwrap();
    fixture::write(lake.path()).await;
    let first = files(lake.path(), "latest").await;
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    insta::assert_snapshot!(names.join("\n"));
    assert_eq!(first.iter().filter(|(_, bytes)| bytes.starts_with(b"\x89PNG")).count(), 3);

    // With REPORT set to a folder the report stays there, to be looked at.
    if let Some(folder) = std::env::var_os("REPORT") {
        let lake = Lake::open(lake.path().to_str().unwrap(), &At::Latest).await.unwrap();
        report::write(&lake, Path::new(&folder), &report::Options::default()).await.unwrap();
    }
    let pin = Lake::open(lake.path().to_str().unwrap(), &At::Latest).await.unwrap().pin().to_string();
    fixture::commit(lake.path(), Table::Series, &fixture::series(3, 1), fixture::DAY + 400 * 60_000_000)
        .await;
    assert!(files(lake.path(), &pin).await == first, "the report at {pin} has changed");
    assert!(files(lake.path(), "latest").await != first);
}

/// The page, without the plots inside it.
#[tokio::test(flavor = "multi_thread")]
async fn page() {
    let lake = tempfile::tempdir().unwrap();
    fixture::write(lake.path()).await;
    let files = files(lake.path(), "latest").await;
    let html = String::from_utf8(files["index.html"].clone()).unwrap();
    let body = &html[html.find("<body>").unwrap()..html.find("<h2>Where").unwrap()];
    let mut shown = String::new();
    for (i, part) in body.split("<svg").enumerate() {
        shown += if i == 0 { part } else { part.split_once("</svg>").unwrap().1 };
    }
    insta::assert_snapshot!(
        shown.replace("<tr>", "\n<tr>").replace("<h2>", "\n\n<h2>").replace("<div", "\n<div")
    );
    assert!(
        !html.contains("http://")
            || html.matches("http://").count() == html.matches("http://www.w3.org/").count()
    );
}

/// Time alone is drawn unless another metric is asked for; `all` draws each of them, in files of their own.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_asked_for() {
    let lake = tempfile::tempdir().unwrap();
    fixture::write_with_counters(lake.path()).await;
    let lake = Lake::open(lake.path().to_str().unwrap(), &At::Latest).await.unwrap();
    let plots = async |metric: Option<&str>| {
        let out = tempfile::tempdir().unwrap();
        let options = report::Options { metric: metric.map(str::to_owned), ..report::Options::default() };
        report::write(&lake, out.path(), &options).await.unwrap().len() / 2
    };
    let (time, cycles) = (plots(None).await, plots(Some("cycles")).await);
    assert_eq!((time, cycles), (14, 1));
    assert_eq!(plots(Some("all")).await, 14 + 9);
}

/// What has no samples is told, with its reason; a fraction of peak is there where peaks are.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_hides() {
    let lake = tempfile::tempdir().unwrap();
    fixture::write_with_counters(lake.path()).await;
    let files = files(lake.path(), "latest").await;
    let html = String::from_utf8(files["index.html"].clone()).unwrap();
    for told in
        ["<h2>Without samples</h2>", "timed out", "killed after 60 s", "wrong result", ">of peak<", "60.00 %"]
    {
        assert!(html.contains(told), "{told}");
    }
    let earlier = Lake::open(lake.path().to_str().unwrap(), &"series=1".parse().unwrap()).await.unwrap();
    let out = tempfile::tempdir().unwrap();
    report::write(&earlier, out.path(), &report::Options::default()).await.unwrap();
    let html = fs::read_to_string(out.path().join("index.html")).unwrap();
    assert!(!html.contains("<h2>Without samples") && !html.contains(">of peak<"));
}

/// A lake without a measured series has no report, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_measured() {
    let folder = tempfile::tempdir().unwrap();
    fixture::commit::<Series>(folder.path(), Table::Series, &[], 1_000_000).await;
    let lake = Lake::open(folder.path().to_str().unwrap(), &At::Latest).await.unwrap();
    let error =
        report::write(&lake, folder.path(), &report::Options::default()).await.unwrap_err().to_string();
    assert!(
        error.ends_with("has no measured series at series=0: measure something, or choose a later --at"),
        "{error}"
    );
}
