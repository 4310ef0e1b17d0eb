//! Which taps an Envoy has that its admin interface can switch on, by what `/config_dump` says.

use serde_json::Value;

/// A tap that waits for the admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) id: String,
    /// It is an HTTP filter, and not a transport socket.
    pub(super) is_http: bool,
}

/// The taps in a dump of the configuration, each once.
pub(super) fn configs(dump: &Value) -> Vec<Config> {
    let mut found = Vec::new();
    look_into(dump, "", &mut found);
    found
}

/// `kind` is the type of the message that the value is in. serde_json bounds how deep a value is.
fn look_into(value: &Value, kind: &str, found: &mut Vec<Config>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| look_into(value, kind, found)),
        Value::Object(members) => {
            let kind = members.get("@type").and_then(Value::as_str).unwrap_or(kind);
            let id = members.get("admin_config").and_then(|config| config["config_id"].as_str());
            if let Some(id) = id
                && found.iter().all(|config| config.id != id)
            {
                found.push(Config { id: id.to_owned(), is_http: kind.contains(".filters.http.") });
            }
            members.values().for_each(|value| look_into(value, kind, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn taps_are_found_wherever_they_are() {
        let tap = |kind: &str, id: &str| {
            json!({
                "@type": format!("type.googleapis.com/envoy.extensions.{kind}.tap.v3.Tap"),
                "common_config": { "admin_config": { "config_id": id } },
            })
        };
        let dump = json!({ "configs": [
            { "filters": [{ "typed_config": tap("filters.http", "requests") }] },
            { "transport_socket": { "typed_config": tap("transport_sockets", "sockets") } },
            { "again": tap("transport_sockets", "sockets") },
        ] });
        let expected = [("requests", true), ("sockets", false)]
            .map(|(id, is_http)| Config { id: id.to_owned(), is_http });
        assert_eq!(configs(&dump), expected);
    }
}
