//! docs/json.md lists every field that `info --json` writes, with its type, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{read, root, rows};
use crate::program::Dir;

/// The tables of the document: by the heading's name in links, the types of the fields.
struct Schema(BTreeMap<String, BTreeMap<String, String>>);

impl Schema {
    fn read() -> Self {
        let document = read("docs/json.md");
        let table = |section: &str| {
            let (heading, text) = section.split_once('\n').expect("a heading");
            let fields = rows(text).into_iter().map(|cells| {
                assert_eq!(cells.len(), 3, "{cells:?}");
                (cells[0].trim_matches('`').to_owned(), cells[1].to_owned())
            });
            (heading.to_lowercase().replace(' ', "-"), fields.collect())
        };
        Self(document.split("\n## ").skip(1).map(table).collect())
    }

    /// Checks a value, and notes the fields that are seen.
    fn check(&self, value: &Value, kind: &str, place: &str, seen: &mut BTreeSet<String>) {
        let wrong = format!("{place} is {value}, not {kind}");
        if let Some(kind) = kind.strip_suffix(" or null") {
            if !value.is_null() {
                self.check(value, kind, place, seen);
            }
            return;
        }
        if let Some(kind) = kind.strip_suffix(" or absent") {
            return self.check(value, kind, place, seen);
        }
        if let Some(kind) = kind.strip_prefix("array of ") {
            let elements = value.as_array().expect(&wrong);
            return elements.iter().for_each(|element| self.check(element, kind, place, seen));
        }
        if let Some(kind) = kind.strip_prefix("map of ") {
            let entries = value.as_object().expect(&wrong);
            return entries.values().for_each(|element| self.check(element, kind, place, seen));
        }
        if let Some((_, link)) = kind.split_once("](#") {
            return self.check_object(value, link.trim_end_matches(')'), seen);
        }
        let is_right = match kind {
            "string" => value.is_string(),
            "number" => value.is_u64(),
            "boolean" => value.is_boolean(),
            _ => false,
        };
        assert!(is_right, "{wrong}");
    }

    fn check_object(&self, value: &Value, table: &str, seen: &mut BTreeSet<String>) {
        let kinds = self.0.get(table).unwrap_or_else(|| panic!("no table {table}"));
        let fields = value.as_object().unwrap_or_else(|| panic!("{value} is no {table}"));
        for (name, value) in fields {
            let place = format!("{table}.{name}");
            let kind = kinds.get(name).unwrap_or_else(|| panic!("{place} is not documented"));
            self.check(value, kind, &place, seen);
            seen.insert(place);
        }
        for (name, kind) in kinds {
            let is_there = fields.contains_key(name) || kind.ends_with("or absent");
            assert!(is_there, "{table}.{name} is documented and not there: {value}");
        }
    }
}

/// What `info --json` says of files in testdata/, some of which are no taps.
fn written(args: &[&str]) -> Vec<Value> {
    let args = args.iter().map(|arg| match arg.strip_prefix("testdata") {
        Some(path) => format!("{}{path}", root().join("testdata").display()),
        None => (*arg).to_owned(),
    });
    let ran = Dir::new().tap2pcap().arg("info").arg("--json").args(args).run();
    serde_json::from_slice(&ran.stdout).expect("an array")
}

#[test]
fn the_fields_are_as_documented() {
    let schema = Schema::read();
    let mut seen = BTreeSet::new();
    let inputs = written(&["testdata"]);
    assert!(inputs.len() > 80, "{} inputs", inputs.len());
    inputs.iter().for_each(|input| schema.check_object(input, "an-input", &mut seen));
    let requests = written(&["--spans", "testdata/spans/otlp.jsonl", "testdata/spans"]);
    assert!(requests.len() > 3, "{} requests", requests.len());
    requests.iter().for_each(|request| schema.check_object(request, "a-request", &mut seen));
    let documented: BTreeSet<String> = schema
        .0
        .iter()
        .flat_map(|(table, fields)| fields.keys().map(move |field| format!("{table}.{field}")))
        .collect();
    assert_eq!(seen, documented);
    let version = |elements: &[Value]| elements.iter().all(|element| element["schema_version"] == 1);
    assert!(version(&inputs) && version(&requests));
}
