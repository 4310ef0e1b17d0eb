//! Values that the formats of spans share.

use super::ids;
use crate::protobuf::{Damage, Encoding, Reader};

/// What of a span is kept.
#[derive(Clone, Debug, Default)]
pub enum Wanted {
    /// No attribute.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of these names.
    Names(Vec<String>),
}

impl Wanted {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Names(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// The attribute in which Envoy's tracers have `x-request-id`.
pub(super) const REQUEST_ID: &str = "guid:x-request-id";

/// Puts the text that is the value in place of what `to` has. What is no UTF-8 in it is replaced.
pub(super) fn string<E: Encoding>(value: &mut Reader<'_, E>, to: &mut String) -> Result<(), Damage> {
    let mut bytes = std::mem::take(to).into_bytes();
    value.string(&mut bytes)?;
    *to = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(())
}

/// The id of a trace that is the value; 0 if it is none.
pub(super) fn trace_id<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u128, Damage> {
    let mut bytes = Vec::new();
    value.string(&mut bytes)?;
    Ok(ids::trace(&bytes, E::IS_JSON).unwrap_or_default())
}

/// The id of a span that is the value; 0 if it is none.
pub(super) fn span_id<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u64, Damage> {
    let mut bytes = Vec::new();
    value.string(&mut bytes)?;
    Ok(ids::span(&bytes, E::IS_JSON).unwrap_or_default())
}
