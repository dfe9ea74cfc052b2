//! `chatmetric query`: calls the API as any client would.

use super::api_access::{ApiArguments, GranularityArgument};
use super::output::{Asked, OutputFormat, plain, render_rows};
use super::time_argument::TimeArgument;
use super::{CliError, Exit, Terminal};
use crate::client::{ApiClient, ClientError, MetricCall, Row};
use crate::clock::{Clock, SystemClock};
use chatmetric_core::{Granularity, TimeRange, Zone};
use clap::Args;
use jiff::tz::TimeZoneDatabase;
use std::sync::Arc;

/// Most `--number` of one command: each is one call, and calls are throttled.
pub(super) const NUMBERS_MAX: usize = 1_000;
/// How often a throttled call is tried again.
const THROTTLED_TRIES_MAX: u32 = 10;
/// How long to wait before that: the throttle looks at one second.
const THROTTLED_WAIT: std::time::Duration = std::time::Duration::from_millis(250);

#[derive(Debug, Args)]
#[command(
    after_help = "Times are RFC 3339, YYYY-MM-DD, milliseconds since the epoch, or relative: \
-30d, -6h, now.\n\nThe AccessKey comes from ALIBABA_CLOUD_ACCESS_KEY_ID, \
ALIBABA_CLOUD_ACCESS_KEY_SECRET (and\nALIBABA_CLOUD_SECURITY_TOKEN), or from a profile of \
~/.aliyun/config.json.\n\nExamples:\n  chatmetric query --start -30d --end now -o chart\n  \
chatmetric query --start 2026-01-01 --end 2026-02-01 --number 15550100101 -o csv\n  chatmetric \
query --start -6h --end now --granularity half-hour --space 293483938849493"
)]
pub(super) struct QueryArguments {
    /// The beginning of the range
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    start: TimeArgument,
    /// The end of the range (not included; the bucket that holds it is)
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    end: TimeArgument,
    /// What one row covers
    #[arg(long, value_enum, ignore_case = true, default_value = "daily")]
    granularity: GranularityArgument,
    /// A business phone number; may be repeated [default: all of the space]
    #[arg(long, value_name = "N")]
    number: Vec<String>,
    #[command(flatten)]
    api: ApiArguments,
    /// The zone in which days are read and times are shown
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// How to print [default: table on a terminal, json otherwise]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<OutputFormat>,
}

/// The arguments after checking: everything parsed, no two contradict.
struct Query {
    calls: Vec<MetricCall>,
    client: ApiClient,
    asked: Asked,
    format: OutputFormat,
}

pub(super) fn run(arguments: QueryArguments, terminal: &Terminal) -> Result<(), CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let query = validate(arguments, &clock, terminal)?;
    let mut rows: Vec<Row> = Vec::new();
    for call in &query.calls {
        let answer = call_patiently(&query.client, call).map_err(|error| explain(&error))?;
        terminal.say_more(&format!("RequestId {}", plain(&answer.request_id)));
        rows.extend(answer.rows);
    }
    rows.sort_by(|a, b| (a.start, &a.phone_number).cmp(&(b.start, &b.phone_number)));
    if rows.is_empty() && query.format != OutputFormat::Table {
        terminal.say("no messages were counted in this range");
    }
    let text = render_rows(
        &rows,
        query.format,
        &query.asked,
        terminal.paint_stdout(),
        terminal.width(),
    )?;
    terminal.data(&text)
}

fn validate(
    arguments: QueryArguments,
    clock: &Arc<dyn Clock>,
    terminal: &Terminal,
) -> Result<Query, CliError> {
    let now = clock.now();
    let zone = Zone::parse(&arguments.time_zone)
        .map_err(|error| CliError::usage(format!("`--time-zone`: {error}")))?;
    let time = |flag: &str, time: TimeArgument| {
        time.resolve(now, &zone)
            .map_err(|error| CliError::usage(format!("`{flag}`: {error}")))
    };
    let start = time("--start", arguments.start)?;
    let end = time("--end", arguments.end)?;
    let range = TimeRange::new(start, end).ok_or_else(|| {
        CliError::usage(format!("`--start` ({start}) is not before `--end` ({end})"))
    })?;
    if arguments.number.len() > NUMBERS_MAX {
        return Err(CliError::usage(format!(
            "`--number` was given more than {NUMBERS_MAX} times"
        )));
    }
    let granularity = Granularity::from(arguments.granularity);
    let numbers = each_once(arguments.number);
    let calls = arguments.api.of_space().calls(&numbers, granularity, range);
    let zone_rules = TimeZoneDatabase::bundled()
        .get(zone.name())
        .map_err(|error| CliError::usage(format!("`--time-zone`: {error}")))?;
    Ok(Query {
        calls,
        client: arguments.api.client(Arc::clone(clock))?,
        asked: Asked {
            daily: granularity == Granularity::Daily,
            start,
            end,
            zone: zone_rules,
            zone_name: zone.name().to_owned(),
        },
        format: OutputFormat::or_default(arguments.output, terminal),
    })
}

/// One number written in two ways must not be counted twice.
pub(super) fn each_once(mut numbers: Vec<String>) -> Vec<String> {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let mut seen = std::collections::BTreeSet::new();
    numbers.retain(|number| seen.insert(digits(number)));
    numbers
}

/// Many numbers are many calls: when the server says that they come too fast,
/// wait instead of failing half-way.
pub(super) fn call_patiently(
    client: &ApiClient,
    call: &MetricCall,
) -> Result<crate::client::MetricAnswer, ClientError> {
    let mut tries = 0;
    loop {
        match client.metric(call) {
            Err(ClientError::Api { code, .. })
                if code == "System.LimitControl" && tries < THROTTLED_TRIES_MAX =>
            {
                tries += 1;
                std::thread::sleep(THROTTLED_WAIT);
            }
            result => return result,
        }
    }
}

/// The error with what to do about it.
pub(super) fn explain(error: &ClientError) -> CliError {
    match error {
        ClientError::Transport { .. } if error.is_untrusted() => {
            CliError::from_error(Exit::Failed, error).hint(
                "name the CA that issued the server's certificate with `--ca-file` or \
                 `CHATMETRIC_CA_FILE`, and call the server by a name in its certificate",
            )
        }
        ClientError::Transport { .. } => CliError::from_error(Exit::Failed, error).hint(
            "is the server running? `chatmetric serve` prints its address; name it with \
             `--endpoint` or `CHATMETRIC_ENDPOINT`",
        ),
        ClientError::Body { .. } => CliError::from_error(Exit::Failed, error)
            .hint("check `--endpoint`: another program may listen there"),
        ClientError::Api {
            status,
            code,
            message,
            request_id,
        } => {
            let text = format!(
                "{}: {}\n  HTTP {status}, RequestId {}",
                plain(code),
                plain(message),
                plain(request_id)
            );
            match hint_for(code) {
                Some(hint) => CliError::failed(text).hint(hint),
                None => CliError::failed(text),
            }
        }
    }
}

fn hint_for(code: &str) -> Option<&'static str> {
    Some(match code {
        "InvalidTimeStamp.Expired" | "InvalidTimeStamp.Format" | "IllegalTimestamp" => {
            "the clocks of this machine and of the server differ by more than 15 minutes"
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" => {
            "the AccessKey secret is not the one that the server has for this id"
        }
        "InvalidAccessKeyId.NotFound" | "InvalidAccessKeyId" => {
            "the server does not know this AccessKey id; `chatmetric directory export` lists them"
        }
        "InvalidAccessKeyId.Inactive" => {
            "set the key's `status` to `Active` with `chatmetric apply`"
        }
        "InvalidSecurityToken"
        | "InvalidSecurityToken.Expired"
        | "InvalidSecurityToken.Malformed" => {
            "unset `ALIBABA_CLOUD_SECURITY_TOKEN` unless the key is a temporary one"
        }
        "Unknown.ResourceOwnerId" => {
            "the space (`--space`) does not belong to the account of this key, or a number \
             (`--number`) is not bound to the space"
        }
        "Ram.PermissionDeny" | "NoPermission" => {
            "the user needs a policy that allows `cams:GetChatappPhoneNumberMetric`; an IsvCode \
             must have been granted to the account"
        }
        "Product.Unsubscript" => "set `subscribed = true` for the account with `chatmetric apply`",
        "System.LimitControl" => "calls of the account come faster than its limit: wait a second",
        "InvalidParameter.TimeRange" | "InvalidParameter.TooManyRows" => {
            "ask for a shorter range, fewer numbers, or `--granularity daily`"
        }
        _ => return None,
    })
}
