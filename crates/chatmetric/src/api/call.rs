//! One call of the RPC API: the checks in the order that callers rely on, then
//! the operation, then the body.
//!
//! size, method, path → the address's failures → action and version → common parameters → time stamp →
//! key → token → signature → nonce and throttle, charged together → subscription
//! → RAM → parameters → tenancy → query. Up to the signature the order is the
//! verifier's own.

use crate::api::action::{Action, Actions};
use crate::api::enable_whatsapp_roi_metric::enable_whatsapp_roi_metric;
use crate::api::get_chatapp_phone_number_metric::{self as metric, Plan};
use crate::api::{tenancy, wire};
use crate::directory::{Principal, Snapshot};
use crate::server::App;
use crate::server::answer::{Answer, RequestIds};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::{AdmittedRequest, CallTime};
use chatmetric_rpc::error::PrincipalType;
use chatmetric_rpc::ram::{AttachedPolicy, Authorized, Permission, Rights, authorize, open_to_all};
use chatmetric_rpc::request::{ParsedRequest, RawRequest};
use chatmetric_rpc::response::{ResponseFormat, success_response};
use std::sync::Arc;

/// A request that was verified and counted.
pub(super) type Admitted = AdmittedRequest<Principal, Action>;

/// What every call has.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) raw: RawRequest<'a>,
    pub(crate) host: &'a str,
    pub(crate) ids: RequestIds,
}

/// An answer with what the log and the figures want to know of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) action: Option<Action>,
    pub(crate) error: Option<ApiError>,
    pub(crate) account: Option<String>,
    pub(crate) rows: usize,
}

/// What is left to do once a call was judged.
enum Judged {
    Metric(Plan),
    Done(wire::DoneResponse),
}

/// What is known of a call so far.
#[derive(Default)]
struct Known {
    action: Option<Action>,
    account: Option<String>,
    verified: bool,
}

/// Answers a call.
pub(crate) async fn handle(app: &Arc<App>, call: Call<'_>) -> Outcome {
    let mut known = Known::default();
    let (format, judged) = judge(app, &call, &mut known);
    let (answer, rows) = match judged {
        Ok((action, Judged::Metric(plan))) => match run(app, plan).await {
            Ok((plan, rows)) => {
                let document = wire::MetricResponse {
                    request_id: call.ids.request,
                    granularity: plan.granularity(),
                    rows: &rows,
                };
                (Ok(success(format, action, &document, call.ids)), rows.len())
            }
            Err(error) => (Err(error), 0),
        },
        Ok((action, Judged::Done(document))) => {
            (Ok(success(format, action, &document, call.ids)), 0)
        }
        Err(error) => (Err(error), 0),
    };
    let (answer, error) = match answer {
        Ok(answer) => (answer, None),
        Err(error) => {
            let answer = Answer::vendor_error(format, &error, call.host, call.ids);
            (answer, Some(error))
        }
    };
    Outcome {
        answer,
        action: known.action,
        error,
        account: known.account,
        rows,
    }
}

fn success(
    format: ResponseFormat,
    action: Action,
    document: &impl chatmetric_rpc::response::Document,
    ids: RequestIds,
) -> Answer {
    Answer::vendor(success_response(
        format,
        action.name(),
        document,
        ids.request,
        ids.trace,
    ))
}

/// Everything that needs no tallies.
fn judge(
    app: &App,
    call: &Call<'_>,
    known: &mut Known,
) -> (ResponseFormat, Result<(Action, Judged), ApiError>) {
    let body_bytes_max = u64::try_from(app.settings.limits.body_bytes_max).unwrap_or(u64::MAX);
    let parsed = match ParsedRequest::parse(call.raw, body_bytes_max) {
        Ok(parsed) => parsed,
        Err(refusal) => return (refusal.format, Err(refusal.error)),
    };
    let format = parsed.format();
    let (address, at_ms) = (call.raw.peer_ip, app.clock.monotonic_ms());
    if let Some(retry_after_ms) = app.address_limit.wait_ms(address, at_ms) {
        return (format, Err(ApiError::AddressThrottled { retry_after_ms }));
    }
    let judged = admit_and_plan(app, call, parsed, known);
    if !known.verified {
        app.address_limit.failed(address, at_ms);
    }
    (format, judged)
}

fn admit_and_plan(
    app: &App,
    call: &Call<'_>,
    parsed: ParsedRequest<'_>,
    known: &mut Known,
) -> Result<(Action, Judged), ApiError> {
    let snapshot = app.directory.snapshot();
    let now_ms = app.clock.now().0;
    let verified = app
        .verifier
        .verify(parsed, &Actions, snapshot.as_ref(), now_ms)?;
    let action = *verified.operation();
    known.verified = true;
    known.action = Some(action);
    known.account = Some(verified.account().as_str().to_owned());

    let account = snapshot
        .account(verified.account())
        .ok_or(ApiError::InternalError)?;
    let calls_per_second = action.calls_per_second(account.calls_per_second);
    let at = CallTime {
        now_ms,
        monotonic_ns: app.clock.monotonic_ns(),
    };
    let admitted = app.admission.admit(verified, calls_per_second, at)?;
    app.nonce_log.append(admitted.nonce());
    if !account.subscribed {
        return Err(ApiError::ProductUnsubscribed);
    }
    let request = authorize_by_ram(admitted, action, now_ms)?;
    let judged = match action {
        Action::GetChatappPhoneNumberMetric => {
            let store = app.store.as_ref();
            Judged::Metric(metric::plan(
                &request,
                &snapshot,
                store,
                &app.settings.limits,
            )?)
        }
        Action::EnableWhatsappRoiMetric => Judged::Done(enable_whatsapp_roi_metric(
            &request,
            &snapshot,
            call.ids.request,
        )?),
    };
    Ok((action, judged))
}

fn authorize_by_ram(
    admitted: Admitted,
    action: Action,
    now_ms: i64,
) -> Result<Authorized<Admitted>, ApiError> {
    let Some(ram_action) = action.spec().ram_action else {
        return open_to_all(admitted);
    };
    // "All resources", written out: a policy that says `*` and one that says
    // `acs:cams:*:*:*` must both match, above all when they deny.
    let resource = format!("acs:cams:*:{}:*", admitted.account().as_str());
    let permission = Permission {
        action: ram_action,
        resource: &resource,
    };
    match admitted.principal().clone() {
        Principal::Owner => authorize(admitted, permission, Rights::Owner, now_ms),
        Principal::User(user) => {
            let identity: Vec<AttachedPolicy<'_>> = user
                .policies
                .iter()
                .map(|named| AttachedPolicy {
                    name: &named.name,
                    policy: &named.policy,
                })
                .collect();
            let rights = Rights::Limited {
                principal_type: PrincipalType::SubUser,
                display_name: &user.name,
                identity: &identity,
                session: None,
            };
            authorize(admitted, permission, rights, now_ms)
        }
    }
}

/// The caller as tenancy sees it.
pub(super) fn caller<'a>(
    snapshot: &'a Snapshot,
    request: &'a Admitted,
) -> Result<tenancy::Caller<'a>, ApiError> {
    let account = snapshot
        .account(request.account())
        .ok_or(ApiError::InternalError)?;
    Ok(tenancy::Caller {
        account,
        principal: request.principal(),
    })
}

/// Runs a plan, here when it is small.
async fn run(
    app: &Arc<App>,
    plan: Plan,
) -> Result<(Plan, Vec<chatmetric_core::MetricRow>), ApiError> {
    if plan.is_small() {
        let rows = metric::run(&plan, app.store.as_ref())?;
        return Ok((plan, rows));
    }
    let Ok(_turn) = app.large_queries.acquire().await else {
        return Err(ApiError::ServiceUnavailable);
    };
    let store = Arc::clone(&app.store);
    let task = tokio::task::spawn_blocking(move || {
        let rows = metric::run(&plan, store.as_ref())?;
        Ok((plan, rows))
    });
    match task.await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a query did not end");
            Err(ApiError::InternalError)
        }
    }
}
