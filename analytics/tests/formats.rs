//! Answers in every format.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::{
    Answer, ask, context,
    format::{self, Format},
};

async fn answer() -> Answer {
    let sql =
        "SELECT column1 AS n, column2 AS text, column3 AS list, MAP {'a': column1} AS map, column4 AS time
        FROM (VALUES
            (1.0 / 3.0, 'plain', [1.5, 2.5], TIMESTAMP '2026-11-20T01:02:03Z'),
            (NULL, E'a \"b\", c\\nd', NULL, NULL),
            (1e-9, '', range(0, 40)::double[], TIMESTAMP '2026-11-20T01:02:03.5Z'))";
    ask(&context(), sql).await.unwrap()
}

async fn text(format: Format) -> String {
    let mut bytes = Vec::new();
    format::write(&answer().await, format, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Tables are legible; CSV and TSV hold lists and maps as JSON; JSON keeps nulls.
#[tokio::test]
async fn texts() {
    insta::assert_snapshot!("table", text(Format::Table).await);
    insta::assert_snapshot!("csv", text(Format::Csv).await);
    insta::assert_snapshot!("tsv", text(Format::Tsv).await);
    insta::assert_snapshot!("json", text(Format::Json).await);
    insta::assert_snapshot!("ndjson", text(Format::Ndjson).await);
}

/// What is written as Arrow is read back the same.
#[tokio::test]
async fn arrow_reads_back() {
    let answer = answer().await;
    let mut bytes = Vec::new();
    format::write(&answer, Format::Arrow, &mut bytes).unwrap();
    let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(batches, answer.batches);
    bytes.clear();
    format::write(&answer, Format::Parquet, &mut bytes).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

/// No rows are still an answer in every format.
#[tokio::test]
async fn no_rows() {
    let answer = ask(&context(), "SELECT 1 AS a, [1] AS b WHERE false").await.unwrap();
    let mut shown = String::new();
    for &format in Format::ALL {
        let mut bytes = Vec::new();
        format::write(&answer, format, &mut bytes).unwrap();
        if !format.is_binary() {
            shown += &format!("{format}: {:?}\n", String::from_utf8(bytes).unwrap());
        }
    }
    insta::assert_snapshot!(shown);
}

/// Two columns of one name are refused where one of them would be lost.
#[tokio::test]
async fn no_column_is_lost() {
    let answer =
        ask(&context(), "SELECT * FROM (SELECT 1 AS a) x JOIN (SELECT 2 AS a) y ON true").await.unwrap();
    for &format in Format::ALL {
        let written = format::write(&answer, format, &mut Vec::new()).map_err(|error| error.to_string());
        let by_name = matches!(format, Format::Json | Format::Ndjson | Format::Parquet);
        assert_eq!(written.is_err(), by_name, "{format}: {written:?}");
        assert!(written.is_ok() || written.is_err_and(|error| error.contains("two columns are called a")));
    }
}
