//! Redis 7 with every write synced: one script a batch, a short string a message,
//! a hash of counters a number.
//!
//! Not a cache here: its log is on the disk before it answers, and all of its data
//! is in memory as well. Invariant: the server is ours alone: started here, on a
//! socket in its own directory, and stopped with its client.

use super::fold::messages;
use super::{Number, Rival, Tally};
use crate::feed::Arrival;
use crate::resources;
use ::redis::{Client, Cmd, Connection, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, cmd};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const PROGRAM: &str = "redis-server";
/// How often a server that starts or works is asked again, and how many times.
const WAIT: Duration = Duration::from_millis(20);
const WAITS_MAX: usize = 3000;

/// Keys are messages; an argument is their slots and the number. Values are the
/// two slots, the highest one for never.
const SCRIPT: &str = "
    local never = 4294967295
    local unpack_bytes, pack_bytes, sub = struct.unpack, struct.pack, string.sub
    local found = redis.call('MGET', unpack(KEYS))
    local writes, length, changes = {}, 0, {}
    local function add(number, field, by)
        local of = changes[number]
        if not of then
            of = {}
            changes[number] = of
        end
        of[field] = (of[field] or 0) + by
    end
    for i = 1, #KEYS do
        local argument, old = ARGV[i], found[i]
        local seen = sub(argument, 1, 8)
        if seen ~= old then
            local sent, delivered = unpack_bytes('>I4I4', seen)
            local old_sent, old_delivered = never, never
            if old then
                old_sent, old_delivered = unpack_bytes('>I4I4', old)
                if old_sent < sent then sent = old_sent end
                if old_delivered < delivered then delivered = old_delivered end
            end
            if sent ~= old_sent or delivered ~= old_delivered then
                local number = sub(argument, 9)
                writes[length + 1] = KEYS[i]
                writes[length + 2] = pack_bytes('>I4I4', sent, delivered)
                length = length + 2
                if sent ~= old_sent then
                    add(number, 's' .. sent, 1)
                    if old_sent ~= never then add(number, 's' .. old_sent, -1) end
                end
                if delivered ~= old_delivered then
                    add(number, 'd' .. delivered, 1)
                    if old_delivered ~= never then add(number, 'd' .. old_delivered, -1) end
                end
            end
        end
    end
    if length > 0 then redis.call('MSET', unpack(writes)) end
    for number, of in pairs(changes) do
        local key = 't' .. number
        for field, by in pairs(of) do
            if by ~= 0 then redis.call('HINCRBY', key, field, by) end
        end
    end";

/// A running server and one client of it.
pub(crate) struct Redis {
    dir: PathBuf,
    connection: Connection,
    /// The name under which the server knows the script.
    script: String,
    server: Server,
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about an error while going down.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Redis {
    /// Whether Redis is on this machine.
    pub(crate) fn is_installed() -> bool {
        Command::new(PROGRAM)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Starts a server in a new directory.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let socket = dir.join("socket");
        let log = File::create(dir.join("log"))?;
        let mut server = Server(
            Command::new(PROGRAM)
                .args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"])
                .arg(&socket)
                .arg("--dir")
                .arg(dir)
                .args(["--appendonly", "yes", "--appendfsync", "always"])
                .args(["--save", "", "--daemonize", "no"])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .context("could not start Redis")?,
        );
        let client = Client::open(information(&socket)?)?;
        let mut connection = connect(&client, &mut server)
            .with_context(|| fs::read_to_string(dir.join("log")).unwrap_or_default())?;
        let script = cmd("SCRIPT")
            .arg("LOAD")
            .arg(SCRIPT)
            .query(&mut connection)?;
        Ok(Self {
            dir: dir.to_owned(),
            connection,
            script,
            server,
        })
    }

    /// One line of what the server says about itself.
    fn told(&mut self, name: &str) -> Result<String> {
        let all: String = cmd("INFO").arg("persistence").query(&mut self.connection)?;
        all.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.trim().to_owned())
            .with_context(|| format!("Redis does not tell `{name}`"))
    }
}

fn information(socket: &Path) -> Result<ConnectionInfo> {
    Ok(ConnectionAddr::Unix(socket.to_owned()).into_connection_info()?)
}

fn connect(client: &Client, server: &mut Server) -> Result<Connection> {
    for _ in 0..WAITS_MAX {
        if let Ok(connection) = client.get_connection() {
            return Ok(connection);
        }
        if let Some(status) = server.0.try_wait()? {
            bail!("Redis ended: {status}");
        }
        thread::sleep(WAIT);
    }
    bail!("Redis does not answer")
}

impl Rival for Redis {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        let messages = messages(&arrival.reports);
        let mut call: Cmd = cmd("EVALSHA");
        call.arg(&self.script).arg(messages.len());
        for (fingerprint, ..) in &messages {
            call.arg(&fingerprint.to_be_bytes());
        }
        for (_, number, times) in &messages {
            let mut argument = times.to_bytes().to_vec();
            argument.extend_from_slice(number.to_string().as_bytes());
            call.arg(argument);
        }
        call.exec(&mut self.connection)?;
        Ok(())
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.0.id())
    }

    /// Its log is all that it has on the disk.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// The log after it was written anew, which it does on its own when the log
    /// has doubled.
    fn stored_bytes(&mut self) -> Result<u64> {
        // One may be under way already.
        self.wait_for_rewrite()?;
        cmd("BGREWRITEAOF").exec(&mut self.connection)?;
        self.wait_for_rewrite()?;
        let outcome = self.told("aof_last_bgrewrite_status")?;
        ensure!(outcome == "ok", "Redis could not write its log anew");
        resources::stored_bytes(&self.dir.join("appendonlydir"))
    }

    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()> {
        let fields: Vec<(String, i64)> = cmd("HGETALL")
            .arg(format!("t{}", number.digits))
            .query(&mut self.connection)?;
        let mut tallies: BTreeMap<u32, Tally> = BTreeMap::new();
        for (field, count) in fields {
            let (name, slot) = field.split_at_checked(1).context("an empty field")?;
            let slot = slot.parse()?;
            if slots.contains(&slot) {
                let tally = tallies.entry(slot).or_default();
                match name {
                    "s" => tally.sent = count,
                    _ => tally.delivered = count,
                }
            }
        }
        for (slot, tally) in tallies {
            each(slot, tally);
        }
        Ok(())
    }
}

impl Redis {
    fn wait_for_rewrite(&mut self) -> Result<()> {
        for _ in 0..WAITS_MAX {
            let states = ["aof_rewrite_in_progress", "aof_rewrite_scheduled"];
            let mut idle = true;
            for state in states {
                idle &= self.told(state)? == "0";
            }
            if idle {
                return Ok(());
            }
            thread::sleep(WAIT);
        }
        bail!("Redis is still writing its log anew")
    }
}
