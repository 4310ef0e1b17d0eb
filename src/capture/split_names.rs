//! The names of the captures of `--split`: those of the inputs with the trace's id, or where several inputs have one name
//! (`pod-a/tap_92.pb` and `pod-b/tap_92.pb`) with as many of their directories as tell them apart.

use std::collections::HashMap;
use std::path::{Component, Path};

use super::Format;

/// Gives each capture a name that no other has.
#[derive(Debug)]
pub(super) struct Names {
    /// What the captures of an input are called, where its own name is not enough.
    labels: HashMap<String, String>,
    /// How many captures have had a name.
    used: HashMap<String, u32>,
    ending: &'static str,
}

impl Names {
    /// Names for the captures of these inputs.
    pub(super) fn new(inputs: &[String], format: Format) -> Self {
        let mut by_stem: HashMap<String, Vec<&str>> = HashMap::new();
        for input in inputs {
            by_stem.entry(stem(input)).or_default().push(input);
        }
        let mut labels = HashMap::new();
        for (stem, inputs) in by_stem.into_iter().filter(|(_, inputs)| inputs.len() > 1) {
            labels.extend(told_apart(&stem, &inputs));
        }
        let ending = if format == Format::PcapNg { "pcapng" } else { "pcap" };
        Self { labels, used: HashMap::new(), ending }
    }

    /// `INPUT_ID`, or just the input's name where Envoy has put the id there already; numbered where it comes again.
    pub(super) fn name(&mut self, input: &str, trace_id: u64) -> String {
        let label = self.labels.get(input).cloned().unwrap_or_else(|| stem(input));
        let id = format!("_{trace_id}");
        let name = if label.ends_with(&id) { label } else { format!("{label}{id}") };
        let number = self.used.entry(name.clone()).or_insert(0);
        *number += 1;
        match number {
            1 => format!("{name}.{}", self.ending),
            number => format!("{name}-{number}.{}", self.ending),
        }
    }
}

/// The name of an input's file without its ending, and without that of what has compressed it.
fn stem(input: &str) -> String {
    let path = Path::new(input);
    let is_compressed = path.extension().is_some_and(|ending| ending == "gz" || ending == "zst");
    let inner = if is_compressed { path.with_extension("") } else { path.to_owned() };
    match inner.file_stem().map(|stem| stem.to_string_lossy().into_owned()) {
        Some(stem) if stem == "-" => "stdin".to_owned(),
        Some(stem) => stem,
        None => "stdin".to_owned(),
    }
}

/// The inputs with one stem, each with as many of its directories before it as it takes to tell all of them apart.
fn told_apart(stem: &str, inputs: &[&str]) -> Vec<(String, String)> {
    let directories = |input: &str| -> Vec<String> {
        let parents = Path::new(input).parent().into_iter().flat_map(Path::components);
        let names = parents.filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        names.collect()
    };
    let all: Vec<Vec<String>> = inputs.iter().map(|input| directories(input)).collect();
    let deepest = all.iter().map(Vec::len).max().unwrap_or_default();
    let labels = |depth: usize| -> Vec<String> {
        let label = |names: &Vec<String>| {
            let last = &names[names.len().saturating_sub(depth)..];
            last.iter().map(String::as_str).chain([stem]).collect::<Vec<_>>().join("-")
        };
        all.iter().map(label).collect()
    };
    let are_different = |labels: &Vec<String>| {
        let mut sorted: Vec<&String> = labels.iter().collect();
        sorted.sort_unstable();
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    };
    // Where nothing tells them apart, such as one file that is named twice, their numbers do.
    let found = (1..=deepest).map(labels).find(are_different).unwrap_or_else(|| labels(deepest));
    inputs.iter().map(|input| (*input).to_owned()).zip(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &[&str]) -> Vec<String> {
        let inputs: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
        let mut names = Names::new(&inputs, Format::Pcap);
        inputs.iter().map(|input| names.name(input, 92)).collect()
    }

    #[test]
    fn inputs_of_one_name_have_their_directories_before_it() {
        let cases: [(&[&str], &[&str]); 8] = [
            (&["pod-a/tap_92.pb"], &["tap_92.pcap"]),
            (&["pod-a/tap_92.pb", "pod-b/tap_92.pb"], &["pod-a-tap_92.pcap", "pod-b-tap_92.pcap"]),
            (&["pod-b/tap_92.pb", "pod-a/tap_92.pb"], &["pod-b-tap_92.pcap", "pod-a-tap_92.pcap"]),
            (&["a/x/tap.pb", "b/x/tap.json"], &["a-x-tap_92.pcap", "b-x-tap_92.pcap"]),
            (&["tap_92.pb", "../pod-b/tap_92.pb"], &["tap_92.pcap", "pod-b-tap_92.pcap"]),
            (&["/a/tap.pb.gz", "/b/tap.pb.zst"], &["a-tap_92.pcap", "b-tap_92.pcap"]),
            (&["a/tap.pb", "a/tap.pb"], &["a-tap_92.pcap", "a-tap_92-2.pcap"]),
            (&["a/tap.pb", "b/tap.pb", "a-tap.pb"], &["a-tap_92.pcap", "b-tap_92.pcap", "a-tap_92-2.pcap"]),
        ];
        for (inputs, expected) in cases {
            assert_eq!(names(inputs), expected);
        }
    }

    #[test]
    fn standard_input_has_a_name() {
        assert_eq!(names(&["-"]), ["stdin_92.pcap"]);
    }
}
