//! The configuration of a tapped Envoy: listeners on ports that the system chooses, each with its own tap, in front of
//! one upstream.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::program::Dir;

/// Where in the test's directory the tap files go.
pub(super) const TAPS: &str = "taps";
pub(super) const CERTIFICATE: &str = "certificate.pem";
pub(super) const KEY: &str = "key.pem";

/// What a tap file holds, in Envoy's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Binary,
    Delimited,
    Text,
    JsonAsBytes,
    JsonAsString,
}

impl Format {
    pub(super) const ALL: [Self; 5] =
        [Self::Binary, Self::Delimited, Self::Text, Self::JsonAsBytes, Self::JsonAsString];

    const fn name(self) -> &'static str {
        match self {
            Self::Binary => "PROTO_BINARY",
            Self::Delimited => "PROTO_BINARY_LENGTH_DELIMITED",
            Self::Text => "PROTO_TEXT",
            Self::JsonAsBytes => "JSON_BODY_AS_BYTES",
            Self::JsonAsString => "JSON_BODY_AS_STRING",
        }
    }
}

/// One side's tap. Its files begin with its name.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) streaming: bool,
    /// Envoy's own limit is 1 KiB.
    pub(super) default_limits: bool,
    pub(super) connection_per_event: bool,
    /// The HTTP filter and not the transport socket.
    pub(super) is_http: bool,
    /// Its name is the id by which the admin interface switches it on.
    pub(super) is_admin: bool,
}

impl Tap {
    /// A tap that cuts nothing.
    pub(super) fn new(format: Format, streaming: bool) -> Self {
        let how = if streaming { "streamed" } else { "buffered" };
        let name = format!("{}_{how}", format.name().to_lowercase());
        Self {
            name,
            format,
            streaming,
            default_limits: false,
            connection_per_event: false,
            is_http: false,
            is_admin: false,
        }
    }

    pub(super) fn buffered(format: Format) -> Self {
        Self::new(format, false)
    }

    pub(super) fn streamed(format: Format) -> Self {
        Self::new(format, true)
    }

    pub(super) fn default_limits(self) -> Self {
        Self { default_limits: true, ..self }
    }

    pub(super) fn connection_per_event(self) -> Self {
        Self { connection_per_event: true, ..self }
    }

    pub(super) fn http(self) -> Self {
        Self { is_http: true, ..self }
    }

    pub(super) fn admin(self) -> Self {
        Self { is_admin: true, ..self }
    }

    /// Where what is recorded goes.
    fn common_config(&self, dir: &Dir) -> Value {
        if self.is_admin {
            return json!({"admin_config": {"config_id": self.name}});
        }
        let mut output = json!({
            "streaming": self.streaming,
            "sinks": [{"format": self.format.name(), "file_per_tap": {"path_prefix": dir.path(TAPS).join(&self.name)}}],
        });
        if !self.default_limits {
            output["max_buffered_rx_bytes"] = json!(16 << 20);
            output["max_buffered_tx_bytes"] = json!(16 << 20);
        }
        json!({"static_config": {"match": {"any_match": true}, "output_config": output}})
    }

    /// The filter that records requests and responses, with all that it can.
    pub(super) fn filter(&self, dir: &Dir) -> Value {
        json!({
            "name": "envoy.filters.http.tap",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap",
                "common_config": self.common_config(dir),
                "record_headers_received_time": true,
                "record_downstream_connection": true,
                "record_upstream_connection": true,
            },
        })
    }

    /// Wraps a transport socket, so that everything it carries is recorded.
    fn around(&self, transport_socket: &Value, dir: &Dir) -> Value {
        json!({
            "name": "envoy.transport_sockets.tap",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap",
                "common_config": self.common_config(dir),
                "socket_tap_config": {"set_connection_per_event": self.connection_per_event},
                "transport_socket": transport_socket,
            },
        })
    }
}

/// How the client reaches a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Plain,
    Tls,
}

impl Transport {
    fn socket(self, dir: &Dir) -> Value {
        match self {
            Self::Plain => raw_buffer(),
            Self::Tls => json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    "common_tls_context": {
                        "alpn_protocols": ["h2", "http/1.1"],
                        "tls_certificates": [{
                            "certificate_chain": {"filename": dir.path(CERTIFICATE)},
                            "private_key": {"filename": dir.path(KEY)},
                        }],
                    },
                },
            }),
        }
    }
}

fn raw_buffer() -> Value {
    json!({
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        },
    })
}

/// A listener of the name, at a port that the system chooses; tapped or not.
pub(super) fn listener(name: &str, host: &str, transport: Transport, tap: Option<&Tap>, dir: &Dir) -> Value {
    let mut transport_socket = transport.socket(dir);
    let mut filters = vec![json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    })];
    match tap {
        Some(tap) if tap.is_http => filters.insert(0, tap.filter(dir)),
        Some(tap) => transport_socket = tap.around(&transport_socket, dir),
        None => {}
    }
    json!({
        "name": name,
        // One counter of open connections for all of them.
        "stat_prefix": "all",
        "address": {"socket_address": {"address": host, "port_value": 0}},
        "filter_chains": [{
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": "all",
                    "codec_type": "AUTO",
                    "route_config": {
                        "virtual_hosts": [{
                            "name": "all",
                            "domains": ["*"],
                            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
                        }],
                    },
                    "http_filters": filters,
                },
            }],
            "transport_socket": transport_socket,
        }],
    })
}

/// The whole bootstrap; `tap` is the one on the upstream connections.
pub(super) fn bootstrap(listeners: Vec<Value>, upstream: SocketAddr, tap: Option<&Tap>, dir: &Dir) -> Value {
    let transport_socket = tap.map_or_else(raw_buffer, |tap| tap.around(&raw_buffer(), dir));
    let endpoint = json!({"socket_address": {"address": upstream.ip(), "port_value": upstream.port()}});
    json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "listeners": listeners,
            "clusters": [{
                "name": "upstream",
                "type": "STATIC",
                "connect_timeout": "10s",
                "load_assignment": {
                    "cluster_name": "upstream",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": endpoint}}]}],
                },
                "transport_socket": transport_socket,
            }],
        },
    })
}
