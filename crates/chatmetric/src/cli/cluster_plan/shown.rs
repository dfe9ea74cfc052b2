//! A plan as an operator reads it, and as JSON.
//!
//! Not here: the figures. Invariant: the text and the JSON say the same; whatever is assumed
//! stands there with its flag.

use crate::cli::Terminal;
use crate::cli::text_table::{Align, TextTable, grouped};
use chatmetric_cluster::capacity::{Bound, Costs, Demand, Limit, Load, Machine, Origin, Plan};
use serde_json::{Value, json};

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) plan: &'a Plan,
    pub(super) demand: &'a Demand,
    pub(super) machine: &'a Machine,
    /// Whether costs are shown.
    pub(super) costs: Option<&'a Costs>,
}

/// A whole number; what is larger than all of them is the largest.
fn whole(value: f64) -> u64 {
    format!("{:.0}", value.max(0.0)).parse().unwrap_or(u64::MAX)
}

/// With thousands apart.
fn count(value: f64) -> String {
    grouped(whole(value))
}

/// Two digits that say something.
fn bytes(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e12 => (value / 1e12, "TB"),
        value if value >= 1e9 => (value / 1e9, "GB"),
        value => (value / 1e6, "MB"),
    };
    if value < 10.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn minutes(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if seconds < 5_400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3_600.0)
    }
}

/// A figure in the unit of what it limits.
pub(super) fn amount(limit: Limit, value: f64) -> String {
    if value.is_infinite() {
        return "no limit".to_owned();
    }
    match limit {
        Limit::NodeCores | Limit::NodeCoresOneGone | Limit::ServerCores => format!("{value:.1}"),
        Limit::NodeMemory | Limit::NodeDisk | Limit::ServerDisk => bytes(value),
        Limit::NodeReads => format!("{}/s", count(value)),
        Limit::NodeNetwork | Limit::ServerNetwork => format!("{}/s", bytes(value)),
        Limit::Fold => percent(value),
        Limit::Snapshots => minutes(value),
        Limit::Stream => format!("{} entries/s", count(value)),
    }
}

fn origin(origin: Origin) -> String {
    match origin {
        Origin::Measured(source) => format!("measured: {source}"),
        Origin::Code(source) => format!("the code: {source}"),
        Origin::Assumed(why) => format!("assumed: {why}"),
    }
}

impl Shown<'_> {
    const fn load(&self) -> &Load {
        &self.plan.load
    }

    /// What comes in, the machines, what to choose, what is short, what is assumed.
    pub(super) fn text(&self, terminal: &Terminal) -> String {
        let mut text = format!(
            "{}\n\n{}\n{}\n",
            self.comes_in(),
            self.machines(),
            self.choices()
        );
        text.push_str(&terminal.rendered(&self.bounds()));
        text.push_str(&format!("\n{}\n\n", self.also()));
        text.push_str(&terminal.rendered(&self.assumed()));
        if let Some(costs) = self.costs {
            text.push('\n');
            text.push_str(&terminal.rendered(&table_of(costs)));
        }
        text
    }

    fn comes_in(&self) -> String {
        let load = self.load();
        format!(
            "{} messages a day: {} events/s on average, {} at the peak in {} entries/s",
            count(self.demand.messages_per_day),
            count(load.events_per_s),
            count(load.peak_events_per_s),
            count(load.entries_per_s),
        )
    }

    fn machines(&self) -> String {
        let (shape, machine) = (self.load().shape, self.machine);
        let servers = if shape.together {
            format!("nats-server on {} of them", shape.servers)
        } else {
            format!("{} nats-servers", shape.servers)
        };
        format!(
            "{} machines of {} cores and {}: {} nodes of chatmetric, {servers}",
            shape.machines(),
            machine.cores,
            bytes(machine.memory_bytes),
            shape.nodes,
        )
    }

    fn choices(&self) -> String {
        let load = self.load();
        let tightest = load.tightest();
        let fewest = self.demand.tally_replicas.saturating_add(1);
        let bound = match tightest {
            Some(tightest) if !load.fits() => format!(
                "too small: {} would need {} of what may be used",
                tightest.limit.name(),
                percent(tightest.share())
            ),
            Some(_)
                if load.shape.together && load.shape.nodes <= fewest.max(load.shape.servers) =>
            {
                "bound by nothing: fewer could not lose one".to_owned()
            }
            Some(tightest) => format!(
                "bound by {}, {} of what may be used",
                tightest.limit.name(),
                percent(tightest.share())
            ),
            None => String::new(),
        };
        format!(
            "{bound}\n\n  cluster.partitions = {:<6}  cannot be changed later: plan for the day that it has to bear in the end\n  store.memory_bytes_max = {}  on each node\n",
            load.shape.partitions,
            whole(load.memory_bytes_max),
        )
    }

    fn bounds(&self) -> TextTable {
        let mut table = TextTable::new(&[
            ("THE BUSIEST AT THE PEAK", Align::Left),
            ("NEEDS", Align::Right),
            ("MAY USE", Align::Right),
            ("", Align::Right),
        ]);
        for bound in &self.load().bounds {
            let share = if bound.allowed.is_finite() {
                percent(bound.share())
            } else {
                String::new()
            };
            table.row(vec![
                bound.limit.name().to_owned(),
                amount(bound.limit, bound.used),
                amount(bound.limit, bound.allowed),
                share,
            ]);
        }
        table
    }

    fn also(&self) -> String {
        let load = self.load();
        let cores = &load.cores;
        let filters = format!(
            "a new message has the disk asked {:.2} times, because of what filters in memory let through",
            load.filter_looks
        );
        format!(
            "busy cores of all machines: ingest {:.1}, log {:.1}, tally {:.1}, api {:.1}, snapshots {:.1}\n{filters}\nwhen the fullest node goes, others load {} ({} through half of one server's network)",
            cores.ingest,
            cores.log,
            cores.tally,
            cores.api,
            cores.proof,
            bytes(load.moved_bytes),
            minutes(load.moved_within_s),
        )
    }

    fn assumed(&self) -> TextTable {
        let (demand, spread) = (self.demand, &self.demand.spread);
        let largest = match spread.largest_share {
            Some(share) => percent(share),
            None => format!("{} events/s", count(self.load().number_events_per_s)),
        };
        let mut table = TextTable::new(&[
            ("FOR", Align::Left),
            ("TAKEN", Align::Right),
            ("FLAG", Align::Left),
            ("BY DEFAULT FROM", Align::Left),
        ]);
        #[rustfmt::skip]
        let rows = [
            ("events a message", demand.events_per_message.to_string(), "--events-per-message", "RESULTS, 100 million events of 38.2 million messages"),
            ("events an entry", demand.events_per_entry.to_string(), "--events-per-entry", "webhooks of 20 to 40 statuses; assumed"),
            ("peak over mean", demand.peak_factor.to_string(), "--peak-factor", "assumed"),
            ("numbers", count(f64::from(spread.numbers)), "--numbers", "as many as in the benches; assumed"),
            ("Zipf's exponent", spread.exponent.to_string(), "--zipf", "assumed"),
            ("largest number", largest, "--largest-share", "--zipf, 1,000 messages/s at most; assumed"),
            ("calls a second", demand.queries_per_s.to_string(), "--queries-per-second", "assumed"),
            ("days of records", demand.record_days.to_string(), "--record-days", "45 to the floor, 30 more, a week"),
            ("days of log", demand.log_days.to_string(), "--log-days", "the shortest that is allowed"),
            ("use at the peak", percent(self.machine.share_max), "--use", "assumed"),
            ("use with one gone", percent(self.machine.share_max_one_gone), "", "assumed"),
            ("reads of a disk", format!("{}/s", count(self.machine.disk_reads_per_s)), "--disk-reads", "an NVMe; assumed"),
            ("work and bytes", "see".to_owned(), "--costs", "RESULTS, docs/internals/cluster-measurements.md"),
        ];
        for (what, value, flag, source) in rows {
            table.row(vec![
                what.to_owned(),
                value,
                flag.to_owned(),
                source.to_owned(),
            ]);
        }
        table
    }

    /// The same for programs.
    pub(super) fn json(&self, costs: &Costs) -> Value {
        let (load, shape) = (self.load(), self.load().shape);
        let bounds: Vec<Value> = load.bounds.iter().map(bound_json).collect();
        let costs: serde_json::Map<String, Value> = costs
            .explained()
            .into_iter()
            .map(|(figure, value)| {
                let told =
                    json!({ "value": value, "unit": figure.unit, "source": origin(figure.origin) });
                (figure.name.to_owned(), told)
            })
            .collect();
        json!({
            "fits": load.fits(),
            "machines": shape.machines(),
            "nodes": shape.nodes,
            "nats_servers": shape.servers,
            "nats_servers_on_nodes": shape.together,
            "partitions": shape.partitions,
            "store_memory_bytes_max": whole(load.memory_bytes_max),
            "bound_by": load.tightest().map(|bound| bound.limit.name()),
            "bounds": bounds,
            "events_per_s": load.events_per_s,
            "peak_events_per_s": load.peak_events_per_s,
            "peak_events_per_s_of_the_largest_number": load.number_events_per_s,
            "peak_events_per_s_of_the_busiest_partition": load.partition_events_per_s,
            "peak_entries_per_s": load.entries_per_s,
            "busy_cores": {
                "ingest": load.cores.ingest,
                "log": load.cores.log,
                "tally": load.cores.tally,
                "api": load.cores.api,
                "snapshots": load.cores.proof,
            },
            "node_disk_bytes": load.node_disk_bytes,
            "nats_server_disk_bytes": load.server_disk_bytes,
            "disk_reads_for_a_new_message": load.filter_looks,
            "moved_bytes_when_a_node_goes": load.moved_bytes,
            "assumed": {
                "messages_per_day": self.demand.messages_per_day,
                "events_per_message": self.demand.events_per_message,
                "events_per_entry": self.demand.events_per_entry,
                "peak_factor": self.demand.peak_factor,
                "numbers": self.demand.spread.numbers,
                "zipf": self.demand.spread.exponent,
                "largest_share": self.demand.spread.largest_share,
                "queries_per_second": self.demand.queries_per_s,
                "record_days": self.demand.record_days,
                "log_days": self.demand.log_days,
                "log_replicas": self.demand.log_replicas,
                "tally_replicas": self.demand.tally_replicas,
                "cores": self.machine.cores,
                "memory_bytes": self.machine.memory_bytes,
                "disk_bytes": self.machine.disk_bytes,
                "network_bytes_per_s": self.machine.network_bytes_per_s,
                "disk_reads_per_s": self.machine.disk_reads_per_s,
                "use": self.machine.share_max,
                "use_one_gone": self.machine.share_max_one_gone,
            },
            "costs": costs,
        })
    }
}

fn bound_json(bound: &Bound) -> Value {
    // No limit is null.
    let allowed = bound.allowed.is_finite().then_some(bound.allowed);
    json!({ "what": bound.limit.name(), "needs": bound.used, "may_use": allowed })
}

fn table_of(costs: &Costs) -> TextTable {
    let mut table = TextTable::new(&[
        ("WORK", Align::Left),
        ("TAKES", Align::Right),
        ("", Align::Left),
        ("NAME FOR --cost", Align::Left),
        ("SOURCE", Align::Left),
    ]);
    for (figure, value) in costs.explained() {
        let shown = if value < 1_000.0 {
            value.to_string()
        } else {
            count(value)
        };
        table.row(vec![
            figure.what.to_owned(),
            shown,
            figure.unit.to_owned(),
            figure.name.to_owned(),
            origin(figure.origin),
        ]);
    }
    table
}
