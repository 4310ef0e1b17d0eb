//! Goes through an object member by member, so that of a record which is cut, or broken in the middle, all is kept that
//! comes before the damage.

use super::scan::{Items, ScanError, value_end};
use crate::input::Damage;

/// Goes through the object that begins at `at`, and returns where it ends. `take` gets the name of a member that is not
/// null, and where its value begins; it returns where that ends, if it knows.
pub(super) fn members(
    record: &[u8],
    at: usize,
    mut take: impl FnMut(&[u8], usize) -> Result<Option<usize>, Damage>,
) -> Result<usize, Damage> {
    if record[at] != b'{' {
        return Err(ScanError { at, what: "this is not an object" }.into());
    }
    let mut members = Items::new(at + 1);
    while let Some((name, value)) = members.member(record)? {
        let end = match record[value] {
            b'n' => None,
            _ => take(&record[name], value)?,
        };
        members.skip_to(end.map_or_else(|| value_end(record, value), Ok)?);
    }
    Ok(members.at())
}
