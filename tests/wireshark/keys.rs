//! Each key that a comment may have is a field of the plugin's, of a type that takes the values, and has a row in docs/wireshark.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{captures, keys, share, text_of};
use crate::frames;
use crate::program::Dir;

/// The keys in a text that is code: what is quoted and looks like one.
fn keys_in(code: &str, keys: &mut BTreeSet<String>) {
    for family in ["tap.", "span."] {
        for (at, _) in code.match_indices(family) {
            let rest = &code[at + family.len()..];
            let name: String = rest
                .chars()
                .take_while(|char| char.is_ascii_lowercase() || matches!(char, '_' | '{' | '}'))
                .collect();
            let is_quoted = code[..at].ends_with(['"', ' ']);
            let is_key = ["=", "\"", ".{"].iter().any(|end| rest[name.len()..].starts_with(end));
            if is_quoted && is_key {
                match name.strip_prefix("{side}") {
                    Some(end) => keys.extend(["local", "remote"].map(|side| format!("{family}{side}{end}"))),
                    None => drop(keys.insert(format!("{family}{name}"))),
                }
            }
        }
    }
}

/// The words in quotes of a text that is code.
fn words(code: &str) -> impl Iterator<Item = &str> {
    let is_word = |text: &&str| {
        text.starts_with(|char: char| char.is_ascii_lowercase())
            && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
    };
    code.split('"').skip(1).step_by(2).filter(is_word)
}

/// All keys that the source writes.
fn written() -> BTreeSet<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut keys = BTreeSet::new();
    for entry in walkdir::WalkDir::new(&src) {
        let entry = entry.expect("an entry");
        let path = entry.path().strip_prefix(&src).expect("below it");
        if path.extension().is_none_or(|ending| ending != "rs") || path.starts_with("cli") {
            continue;
        }
        let text = text_of(entry.path());
        let code = text.split("#[cfg(test)]").next().expect("a part");
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        keys_in(&code, &mut keys);
        let mut of_hubble = BTreeSet::new();
        if path == Path::new("hubble/notes.rs") {
            // What is no key there: values, and the name of a policy's match.
            of_hubble.extend(words(&code).filter(|word| !["true", "false", "all"].contains(word)));
        }
        if path.starts_with("hubble") {
            of_hubble.extend(
                words(&code).filter(|word| word.ends_with("_allowed_by") || word.ends_with("_denied_by")),
            );
            of_hubble.extend(code.split("notes.add(").skip(1).filter_map(|rest| words(rest).next()));
        }
        keys.extend(of_hubble.iter().map(|key| format!("hubble.{key}")));
    }
    keys
}

#[test]
fn the_plugin_knows_each_key_that_the_source_writes_and_no_other() {
    let known: BTreeSet<String> = keys().into_iter().map(|key| key.name).collect();
    assert!(known.len() > 70, "{known:?}");
    assert_eq!(known, written());
}

/// The keys and values of a comment.
fn pairs(comment: &str) -> Vec<(String, String)> {
    let Some(mut rest) = comment.strip_prefix("span.").map(|_| comment) else {
        let (key, value) = comment.split_once('=').expect("key=value");
        return vec![(key.to_owned(), value.to_owned())];
    };
    if let Some(attribute) = rest.strip_prefix("span.attribute.") {
        return vec![("span.attribute".to_owned(), attribute.to_owned())];
    }
    let mut pairs = Vec::new();
    while let Some((key, value)) = rest.split_once('=') {
        let end = match value.strip_prefix('"') {
            // No quote in testdata is escaped.
            Some(quoted) => quoted.find('"').expect("an end") + 2,
            None => value.find(' ').unwrap_or(value.len()),
        };
        pairs.push((key.trim_start().to_owned(), value[..end].to_owned()));
        rest = &value[end..];
    }
    pairs
}

#[test]
fn each_comment_in_captures_of_testdata_has_the_type_of_its_field() {
    let dir = Dir::new();
    let kinds: BTreeMap<String, String> = keys().into_iter().map(|key| (key.name, key.kind)).collect();
    let mut seen = BTreeSet::new();
    for (capture, _) in captures(&dir) {
        for frame in frames::parse(&std::fs::read(&capture).expect("a capture")).frames {
            for (key, value) in frame.comments.iter().flat_map(|comment| pairs(comment)) {
                let is_right = match kinds.get(&key).map(String::as_str) {
                    Some("uint64") => value.parse::<u64>().is_ok() || value == "unknown",
                    Some("bool") => value == "true" || value == "false",
                    Some("string") => true,
                    _ => false,
                };
                assert!(is_right, "{capture}: {key}={value}");
                seen.insert(key);
            }
        }
    }
    assert!(seen.len() > 60, "{seen:?}");
}

#[test]
fn each_field_has_a_row_in_the_documentation() {
    let page = text_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/wireshark.md"));
    for key in keys() {
        let kind = match &key.kind[..] {
            "uint64" => "number",
            "bool" => "boolean",
            kind => kind,
        };
        let mut rows =
            page.lines().filter(|line| line.starts_with('|') && line.contains(&format!("`{}`", key.name)));
        assert!(rows.any(|row| row.contains(&format!("| {kind} |"))), "{}: {kind}", key.name);
    }
}

/// A filter with a field that Wireshark does not know opens a dialogue when the profile is loaded.
#[test]
fn the_profile_colours_and_filters_without_the_plugin() {
    for name in ["colorfilters", "dfilter_buttons"] {
        let text = text_of(&share(&format!("profile/{name}"))).replace("\\x22", "\u{1}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            // Of the buttons the third column, of the colours the second.
            let filter = match name {
                "dfilter_buttons" => line.split("\",\"").nth(2),
                _ => line.split('@').nth(2),
            };
            let filter = filter.unwrap_or_else(|| panic!("{name}: {line}"));
            let outside: String = filter.split(['"', '\u{1}']).step_by(2).collect();
            for family in ["tap.", "hubble.", "span.", "tap2pcap"] {
                assert!(!outside.contains(family), "{name}: {line}");
            }
        }
    }
}
