//! `chatmetric reconcile`: our counts beside the provider's own.
//!
//! Our side comes through the API, as with `chatmetric query`; theirs from a file, from
//! the Graph API, or from the vendor's API. What the counts mean is in `crate::reconcile`.
//! Invariant: a token or secret is never in an argument, a URL or a message.

mod cams;
mod graph;
mod meta;
mod ours;
mod show;

use super::api_access::{ApiArguments, GranularityArgument};
use super::time_argument::TimeArgument;
use super::{CliError, Terminal};
use crate::clock::{Clock, SystemClock};
use crate::reconcile::{Provider, Report, Terms, Tolerance};
use chatmetric_core::{EpochMs, Granularity, TimeRange, Zone};
use clap::{Args, ValueEnum};
use show::ReportOutput;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0: every bucket is within the tolerance. 1: one is not, or the \
provider's answer cannot be\ncompared (it is cut, empty, of another time zone, or a number left); \
the reason is told.\n\nOur AccessKey comes from ALIBABA_CLOUD_ACCESS_KEY_ID and \
ALIBABA_CLOUD_ACCESS_KEY_SECRET, or from\n--profile. Meta's token comes from --token-file or \
CHATMETRIC_META_TOKEN. The provider's AccessKey\ncomes from CHATMETRIC_PROVIDER_ACCESS_KEY_ID and \
CHATMETRIC_PROVIDER_ACCESS_KEY_SECRET, or from\n--provider-profile.\n\nExamples:\n  chatmetric \
reconcile --against meta --file analytics.json --number 15550100101\n  chatmetric reconcile \
--against meta --waba 102290129340398 --token-file token.txt --start -30d --end now\n  chatmetric \
reconcile --against cams --provider-endpoint https://cams.ap-southeast-1.aliyuncs.com \\\n    \
--provider-profile vendor --start -30d --end now --tolerance 0.5%"
)]
pub(super) struct ReconcileArguments {
    /// Whose counts ours are compared with
    #[arg(long, value_enum, value_name = "WHO")]
    against: Against,
    /// The beginning of the range [default with --file: its first bucket]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    start: Option<TimeArgument>,
    /// The end of the range [default with --file: the end of its last bucket]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    end: Option<TimeArgument>,
    /// What one bucket covers [default with --file: what the file says; else daily]
    #[arg(long, value_enum, ignore_case = true)]
    granularity: Option<GranularityArgument>,
    /// A business phone number; may be repeated. With --file: the numbers that it sums [default:
    /// those that the provider names, else all of the space]
    #[arg(long, value_name = "N")]
    number: Vec<String>,
    /// How far two counts of a bucket may be apart: messages (`5`) or a share of the larger (`0.5%`)
    #[arg(long, value_name = "T", default_value = "0")]
    tolerance: Tolerance,
    /// Judge buckets of the last 24 hours too, which may still change
    #[arg(long)]
    include_settling: bool,
    /// The time zone of the space: days are read and shown in it, and the provider's days are
    /// checked against it [default: UTC, and days as our own counts have them]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    #[command(flatten)]
    ours: ApiArguments,
    #[command(flatten)]
    output: ReportOutput,
    #[command(flatten)]
    meta: MetaArguments,
    #[command(flatten)]
    cams: CamsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    /// The analytics of a WhatsApp Business Account
    Meta,
    /// GetChatappPhoneNumberMetric of the vendor
    Cams,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Meta")]
struct MetaArguments {
    /// A file with the answer of the Graph API (`-` is stdin), instead of asking it
    #[arg(long, value_name = "FILE", conflicts_with = "waba")]
    file: Option<PathBuf>,
    /// The id of the WhatsApp Business Account
    #[arg(long, value_name = "ID")]
    waba: Option<String>,
    /// The file with an access token for it [default: CHATMETRIC_META_TOKEN]
    #[arg(long, value_name = "FILE", requires = "waba")]
    token_file: Option<PathBuf>,
    /// The Graph API, with its version
    #[arg(long, value_name = "URL", default_value = graph::URL_DEFAULT)]
    graph_url: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "CAMS")]
struct CamsArguments {
    /// Where the vendor's API is
    #[arg(long, value_name = "URL")]
    provider_endpoint: Option<String>,
    /// A profile of ~/.aliyun/config.json with the vendor's AccessKey
    #[arg(long, value_name = "P")]
    provider_profile: Option<String>,
    /// The CustSpaceId there [default: what the AccessKey has]
    #[arg(long, value_name = "ID")]
    provider_space: Option<String>,
    /// The IsvCode there
    #[arg(long, value_name = "C")]
    provider_isv_code: Option<String>,
}

/// The arguments after checking, as far as they are of either provider.
struct Asked {
    start: Option<EpochMs>,
    end: Option<EpochMs>,
    granularity: Option<Granularity>,
    numbers: Vec<String>,
    tolerance: Tolerance,
    include_settling: bool,
    zone: Option<Zone>,
    clock: Arc<dyn Clock>,
}

impl Asked {
    /// The range, when nothing else tells it.
    fn range(&self) -> Result<TimeRange, CliError> {
        let named = |time: Option<EpochMs>, flag: &str| {
            time.ok_or_else(|| CliError::usage(format!("`{flag}` is missing")))
        };
        let start = named(self.start, "--start")?;
        let end = named(self.end, "--end")?;
        TimeRange::new(start, end).ok_or_else(|| {
            CliError::usage(format!("`--start` ({start}) is not before `--end` ({end})"))
        })
    }

    fn terms(&self, provider: Provider, granularity: Granularity, range: TimeRange) -> Terms {
        Terms {
            provider,
            granularity,
            range,
            zone: self.zone.clone(),
            tolerance: self.tolerance,
            now: self.clock.now(),
            include_settling: self.include_settling,
        }
    }
}

pub(super) fn run(arguments: ReconcileArguments, terminal: &Terminal) -> Result<(), CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let asked = validate(&arguments, clock)?;
    let ours = ours::Ours::open(&arguments.ours, &asked)?;
    let report = match arguments.against {
        Against::Meta => {
            refuse_others(&[(
                "--provider-endpoint",
                arguments.cams.provider_endpoint.is_some(),
            )])?;
            meta::report(&arguments.meta, &asked, &ours, terminal)?
        }
        Against::Cams => {
            refuse_others(&[
                ("--file", arguments.meta.file.is_some()),
                ("--waba", arguments.meta.waba.is_some()),
            ])?;
            cams::report(&arguments.cams, &asked, &ours, terminal)?
        }
    };
    let text = arguments.output.text(&report, &asked, terminal)?;
    terminal.data(&text)?;
    fault_of(&report)
}

fn fault_of(report: &Report) -> Result<(), CliError> {
    match report.fault() {
        None => Ok(()),
        Some(fault) => Err(CliError::failed(super::output::plain(&fault))),
    }
}

/// Flags of the other provider are a mistake, and not to be passed over.
fn refuse_others(flags: &[(&str, bool)]) -> Result<(), CliError> {
    match flags.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(CliError::usage(format!(
            "`{flag}` is not for this `--against`"
        ))),
    }
}

fn validate(arguments: &ReconcileArguments, clock: Arc<dyn Clock>) -> Result<Asked, CliError> {
    let zone = arguments.time_zone.as_deref().map(Zone::parse).transpose();
    let zone = zone.map_err(|error| CliError::usage(format!("`--time-zone`: {error}")))?;
    let now = clock.now();
    let read_in = zone.clone().unwrap_or_else(Zone::utc);
    let time = |flag: &str, time: Option<TimeArgument>| {
        let time = time.map(|time| time.resolve(now, &read_in)).transpose();
        time.map_err(|error| CliError::usage(format!("`{flag}`: {error}")))
    };
    let most = crate::reconcile::NUMBERS_MAX;
    if arguments.number.len() > most {
        return Err(CliError::usage(format!(
            "`--number` was given more than {most} times"
        )));
    }
    let mut numbers = Vec::new();
    for number in super::query::each_once(arguments.number.clone()) {
        let number = chatmetric_core::PhoneNumber::parse(&number)
            .map_err(|error| CliError::usage(format!("`--number`: {error}")))?;
        numbers.push(number.to_string());
    }
    numbers.sort();
    Ok(Asked {
        start: time("--start", arguments.start)?,
        end: time("--end", arguments.end)?,
        granularity: arguments.granularity.map(Granularity::from),
        numbers,
        tolerance: arguments.tolerance,
        include_settling: arguments.include_settling,
        zone,
        clock,
    })
}
