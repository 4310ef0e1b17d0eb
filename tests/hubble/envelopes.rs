//! What is around flows: the same packets come of the same flows, whatever is.

use std::io::Write;

use serde_json::json;

use super::*;

const TIME: &str = "2026-11-20T10:58:00.123456789Z";

fn lines() -> Vec<String> {
    let text = String::from_utf8(sample("conversation.json")).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

fn each(wrap: impl Fn(&str) -> String) -> Vec<u8> {
    lines().iter().map(|line| wrap(line)).collect::<String>().into_bytes()
}

#[track_caller]
fn assert_same(input: &[u8]) -> Ran {
    let expected = run(&[], &sample("conversation.json")).expect(0).stdout;
    let ran = run(&[], input).expect(0);
    assert!(ran.stdout == expected, "{}\n{:?}", ran.stderr, parse(&ran.stdout).frames.len());
    ran
}

#[test]
fn what_kubectl_and_stern_put_before_lines_is_passed_over() {
    for prefix in [TIME, "[pod/cilium-abc/cilium-agent]", "cilium-abc cilium-agent", "agent-1  |"] {
        let ran = assert_same(&each(|line| format!("{prefix} {line}\n")));
        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    }
}

#[test]
fn lines_of_container_runtimes_are_unwrapped() {
    assert_same(&each(|line| format!("{TIME} stdout F {line}\n")));
    assert_same(&each(|line| {
        let (a, rest) = line.split_at(700);
        let (b, c) = rest.split_at(200);
        format!("{TIME} stdout P {a}\n{TIME} stdout P {b}\n{TIME} stdout F {c}\n")
    }));
    let docker = |log: &str| json!({"log": log, "stream": "stdout", "time": TIME}).to_string() + "\n";
    assert_same(&each(|line| docker(&format!("{line}\n"))));
    assert_same(&each(|line| {
        let (a, b) = line.split_at(700);
        docker(a) + &docker(&format!("{b}\n"))
    }));
    assert_same(&each(|line| json!({"date": 1.5, "log": line}).to_string() + "\n"));
    assert_same(&each(|line| json!({"log": format!("{TIME} stdout F {line}")}).to_string() + "\n"));
}

#[test]
fn json_is_read_however_it_is_laid_out() {
    let values: Vec<Value> = lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_same(&each(|line| format!("{line}\r\n")));
    assert_same(&each(str::to_owned));
    assert_same(lines().join("\n").as_bytes());
    assert_same(format!("[\n{}\n]\n", lines().join(",\n")).as_bytes());
    assert_same(Value::from(values.clone()).to_string().as_bytes());
    assert_same(&serde_json::to_vec_pretty(&values).expect("JSON"));
    let pretty = values.iter().map(|value| serde_json::to_string_pretty(value).expect("JSON") + "\n");
    assert_same(pretty.collect::<String>().as_bytes());
    assert_same(format!("\u{feff}{}", lines().join("\n")).as_bytes());
}

#[test]
fn lines_of_the_agent_are_counted() {
    let noise = "level=info msg=\"a {\\\"x\\\"}\" subsys=hubble\n{\"level\":\"info\",\"source\":\"a\",\"time\":\"now\"}\n";
    let ran = assert_same(&each(|line| format!("{noise}{line}\n")));
    assert!(ran.stderr.contains("22 lines around the records"), "{}", ran.stderr);
}

#[test]
fn names_in_camel_case_and_bare_flows_are_the_same() {
    fn camel(value: Value) -> Value {
        match value {
            Value::Object(object) => {
                let rename = |name: String| {
                    let mut parts = name.split('_');
                    let first = parts.next().unwrap_or_default().to_owned();
                    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
                };
                object.into_iter().map(|(name, value)| (rename(name), camel(value))).collect()
            }
            Value::Array(values) => values.into_iter().map(camel).collect(),
            value => value,
        }
    }
    let value = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
    assert_same(&each(|line| camel(value(line)).to_string() + "\n"));
    assert_same(&each(|line| value(line)["flow"].to_string() + "\n"));
    assert_same(&each(|line| json!({"flow": value(line)["flow"]}).to_string() + "\n"));
}

#[test]
fn json_and_every_form_of_binary_are_the_same_packets() {
    let json = String::from_utf8(sample("everything.json")).expect("UTF-8");
    let json: String = json.lines().take(53).map(|line| format!("{line}\n")).collect();
    let expected = run(&["--hubble-sock"], json.as_bytes()).expect(0).stdout;
    assert_eq!(parse(&expected).frames.len(), 52);
    let delimited = sample("everything.pb_delimited");
    let mut grpc = Vec::new();
    let mut rest = &delimited[..];
    while !rest.is_empty() {
        let mut length = 0;
        for shift in (0..).step_by(7) {
            let byte = rest[0];
            rest = &rest[1..];
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        grpc.push(0);
        grpc.extend_from_slice(&u32::try_from(length).expect("it fits").to_be_bytes());
        grpc.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
    for input in [delimited, sample("flows.pb_delimited"), grpc] {
        assert!(run(&["--hubble-sock"], &input).expect(0).stdout == expected);
    }
    let single = parse(&run(&[], &sample("single.pb")).expect(0).stdout);
    assert_eq!(single.frames.len(), 1);
}

#[test]
fn a_broken_flow_costs_itself() {
    let mut lines = lines();
    lines[3].truncate(400);
    lines[6] = lines[6].replace("\"destination_port\":", "\"destination_port\":7");
    let ran = run(&[], lines.join("\n").as_bytes()).expect(1);
    assert!(ran.stderr.contains("line 4: unterminated object"), "{}", ran.stderr);
    assert!(ran.stderr.contains("line 7: a port above 65535"), "{}", ran.stderr);
    assert_eq!(parse(&ran.stdout).frames.len(), 8);
    // The end is cut off, or the beginning.
    let whole = self::lines().join("\n");
    let ran = run(&[], &whole.as_bytes()[..whole.len() - 100]).expect(1);
    assert!(ran.stderr.contains("line 11: the input ends after"), "{}", ran.stderr);
    assert_eq!(parse(&ran.stdout).frames.len(), 9);
    let ran = run(&[], &whole.as_bytes()[500..]).expect(1);
    assert!(ran.stderr.contains("a fragment of a lost record"), "{}", ran.stderr);
    assert_eq!(parse(&ran.stdout).frames.len(), 10);
}

#[test]
fn every_cut_of_the_input_keeps_what_comes_before() {
    let input = sample("conversation.json");
    let whole = run(&[], &input).expect(0).stdout;
    let whole = parse(&whole).frames;
    for cut in (0..input.len()).step_by(97) {
        let ran = run(&[], &input[..cut]);
        let found = parse(&ran.stdout).frames;
        let flows = input[..cut].iter().filter(|&&byte| byte == b'\n').count();
        // The first flow is a verdict, which waits for the second.
        assert!(found.len() + 1 >= flows, "{cut}: {} of {flows}", found.len());
        for (found, whole) in found.iter().zip(&whole).skip(1) {
            assert_eq!(found, whole, "{cut}");
        }
    }
}

#[test]
fn rotated_files_are_read_once() {
    let dir = Dir::new();
    let flows = sample("conversation.json");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&flows).expect("memory");
    let gzip = gzip.finish().expect("memory");
    std::fs::create_dir(dir.path("logs")).expect("a directory");
    dir.write("logs/events-2026-11-20T10-58-10.123.log", &flows);
    dir.write("logs/events-2026-11-20T10-58-10.123.log.gz", &gzip);
    dir.write("logs/events-2026-11-20T10-59-10.123.log.gz.tmp", &gzip[..100]);
    let ran = dir.tap2pcap().args(["-w", "all.pcapng", "logs"]).run().expect(0);
    assert!(ran.stderr.contains("2 files skipped"), "{}", ran.stderr);
    assert_eq!(dir.read("all.pcapng"), run(&[], &flows).expect(0).stdout);
}
