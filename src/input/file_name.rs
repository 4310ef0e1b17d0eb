//! What the name of a tap's file tells: Envoy writes `PREFIX_ID.ENDING`, with the id of the trace.

/// What stands before the id in a name such as `taps/listener_123.pb`, and the id, which has nothing but digits.
pub(crate) fn split(name: &str) -> Option<(&str, &str)> {
    let file = name.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
    // Endings such as `pb_text` have the mark too that stands before the id.
    let stem = name[file..].find('.').map_or(name, |dot| &name[..file + dot]);
    let mark = file + stem[file..].rfind('_')?;
    let id = &stem[mark + 1..];
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((&stem[..mark], id))
}

/// The id in a name; 0 if there is none.
pub(super) fn id(name: &str) -> u64 {
    split(name).and_then(|(_, id)| id.parse().ok()).unwrap_or_default()
}
