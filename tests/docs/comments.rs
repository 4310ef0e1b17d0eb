//! Every comment that is written on packets is in a table of the documents.

use std::collections::BTreeSet;

use super::read;
use crate::frames::parse;
use crate::program::{Dir, testdata};

/// The names of the comments in a capture of these files: `tap.kind` of `tap.kind=socket_streamed`.
fn written(options: &[&str], path: &str) -> BTreeSet<String> {
    let ran =
        Dir::new().tap2pcap().args(["-q", "-F", "pcapng", "-w", "-"]).args(options).arg(testdata(path)).run();
    let comments = parse(&ran.stdout).frames.into_iter().flat_map(|frame| frame.comments);
    let mut names = BTreeSet::new();
    for comment in comments {
        let words = comment.split(' ').filter_map(|word| word.split_once('='));
        let own = words
            .filter(|(name, _)| ["tap.", "hubble.", "span."].iter().any(|family| name.starts_with(family)));
        // Anybody names attributes.
        names.extend(
            own.map(|(name, _)| name.split_inclusive("attribute.").next().unwrap_or(name).to_owned()),
        );
    }
    names
}

#[test]
fn every_comment_is_in_a_table() {
    let spans = testdata("spans/otlp.jsonl").display().to_string();
    let all = [
        written(&["--spans", &spans, "--span-attributes", "all"], ""),
        written(&["--hubble-sock", "--point", "all"], "hubble"),
    ];
    let names: BTreeSet<String> = all.into_iter().flatten().collect();
    for (family, document) in [("tap.", "formats.md"), ("hubble.", "hubble.md"), ("span.", "spans.md")] {
        let names: Vec<&String> = names.iter().filter(|name| name.starts_with(family)).collect();
        assert!(names.len() > 8, "{names:?}");
        let text = read(format!("docs/{document}"));
        for name in names {
            assert!(text.contains(&format!("`{name}")), "{name} is not in docs/{document}");
        }
    }
}
