//! Envoy takes the configuration that docs/envoy.md shows.

use super::blocks::blocks;
use crate::program::Dir;
use crate::tools::tool;

#[test]
#[ignore = "needs envoy"]
fn envoy_takes_the_example() {
    let is_whole = |text: &str| text.contains("\nstatic_resources:\n");
    let whole = blocks().into_iter().filter(|block| block.language == "yaml" && is_whole(&block.text));
    let mut count = 0;
    for block in whole {
        count += 1;
        let dir = Dir::new();
        let path = dir.write("envoy.yaml", block.text.as_bytes());
        tool("envoy").args(["--mode", "validate", "-c"]).arg(path).run().expect(0);
    }
    assert_eq!(count, 1);
}
