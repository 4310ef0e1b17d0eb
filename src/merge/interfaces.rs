//! The interfaces of a capture: one for each input, or, where they are very many, for all that differ only in the trace's id.

use std::collections::HashMap;

use super::tap::Tap;
use crate::input::file_name;

/// Past this many inputs, those whose names differ only in the id share an interface.
const MAX_INTERFACES: usize = 1000;

/// The names of the capture's interfaces, and for each input the number of its one: one an input, or, where that is
/// too many, one for all files of a directory that have the same prefix before the trace's id.
pub(super) fn of(taps: &[Tap]) -> (Vec<String>, Vec<u32>) {
    let is_many = taps.len() > MAX_INTERFACES;
    let mut names = Vec::new();
    let mut numbers = HashMap::new();
    let mut of_taps = Vec::new();
    for tap in taps {
        if tap.is_hubble() {
            // It has one for each node and point, as they come.
            of_taps.push(0);
            continue;
        }
        let name = if is_many { shared(&tap.name) } else { &tap.name };
        let number = if is_many { numbers.get(name).copied() } else { None };
        of_taps.push(number.unwrap_or_else(|| {
            let number = names.len() as u32;
            names.push(name.to_owned());
            numbers.insert(name.to_owned(), number);
            number
        }));
    }
    (names, of_taps)
}

/// The name of an interface that inputs share where they are many.
fn shared(input: &str) -> &str {
    file_name::split(input).map_or(input, |(prefix, _)| prefix)
}

/// The interfaces of inputs that come one by one.
#[derive(Debug, Default)]
pub struct Interfaces(HashMap<String, u32>);

impl Interfaces {
    /// The input with this name has this interface.
    pub fn know(&mut self, input: &str, number: u32) {
        self.0.insert(input.to_owned(), number);
    }

    /// The interface of an input with this name; `add` adds one to the capture and returns its number.
    pub fn number(&mut self, input: &str, add: impl FnOnce(&str) -> u32) -> u32 {
        if let Some(&number) = self.0.get(input) {
            return number;
        }
        let name = if self.0.len() < MAX_INTERFACES { input } else { shared(input) };
        *self.0.entry(name.to_owned()).or_insert_with(|| add(name))
    }
}
