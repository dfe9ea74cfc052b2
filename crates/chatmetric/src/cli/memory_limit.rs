//! What memory this process may have by its control group: containers and units set it, and
//! whoever takes more is killed.
//!
//! Not here: what is done with it (`data_dir`). Invariant: what cannot be read limits
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the files of control groups are.
const ROOT: &str = "/sys/fs/cgroup";

/// The least limit of the control group and those above it, in bytes.
pub(super) fn bytes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    of_groups(&groups, Path::new(ROOT))
}

/// The limit by the lines `HIERARCHY:CONTROLLERS:PATH` of `/proc/self/cgroup`.
fn of_groups(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            return least(root, path, "memory.max");
        }
        let mut controllers = controllers.split(',');
        controllers.find(|it| *it == "memory")?;
        least(&root.join("memory"), path, "memory.limit_in_bytes")
    });
    limits.min()
}

/// The least limit of a group and those above it. In a container the path may be that of the
/// host, which is not there; the root is the container's own then.
fn least(root: &Path, path: &str, file: &str) -> Option<u64> {
    let group: PathBuf = root.join(path);
    let groups = group.ancestors().take_while(|it| it.starts_with(root));
    // Version 2 says `max`, version 1 a number that no machine has.
    let limits =
        groups.filter_map(|it| fs::read_to_string(it.join(file)).ok()?.trim().parse().ok());
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_holds() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("system.slice/unit/memory.max", "max\n");
        put("system.slice/memory.max", "268435456\n");
        put(
            "memory/docker/7/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        put("memory/docker/memory.limit_in_bytes", "134217728\n");
        let limit = |groups: &str| of_groups(groups, root.path());
        assert_eq!(limit("0::/system.slice/unit\n"), Some(268_435_456));
        assert_eq!(limit("0::/elsewhere\n"), None);
        assert_eq!(
            limit("4:cpu,memory:/docker/7\n3:cpu:/\n"),
            Some(134_217_728)
        );
        assert_eq!(limit("3:cpu:/\nnonsense\n"), None);
        // A container that sees its own group as the root.
        put("memory.max", "67108864\n");
        assert_eq!(limit("0::/elsewhere\n"), Some(67_108_864));
    }
}
