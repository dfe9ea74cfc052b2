//! One call of the RPC API: the checks in the order that callers rely on, then
//! the operation, then the body.
//!
//! size, method, path → the address's failures → action and version → common parameters → time stamp →
//! key → token → signature → nonce and throttle, charged together → subscription
//! → RAM → parameters → tenancy → query. Up to the signature the order is the
//! verifier's own. Calls to the product RAM have their parameters read before
//! rights are checked, because the rights are for what the parameters name.

use crate::api::action::{Action, Actions};
use crate::api::call_key::CallKey;
use crate::api::durable::durably;
use crate::api::enable_whatsapp_roi_metric::enable_whatsapp_roi_metric;
use crate::api::get_chatapp_phone_number_metric::{self as metric, Plan};
use crate::api::ram::{self, Input, RamCall};
use crate::api::rights::{authorize_by_ram, in_words_of, needs_subscription};
use crate::api::sts::{Keys, StsAction, assume_role, get_caller_identity};
use crate::api::{diagnosis, tenancy, wire};
use crate::directory::{Principal, Snapshot};
use crate::query::Row;
use crate::server::App;
use crate::server::Keeping;
use crate::server::answer::{Answer, RequestIds};
use chatmetric_core::EpochMs;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::{AdmittedRequest, CallTime, admit_elsewhere};
use chatmetric_rpc::ram::{Authorized, open_to_all};
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
    /// A key of this call alone, for a caller within the program.
    pub(crate) own_key: Option<&'a CallKey>,
}

/// An answer with what the log and the figures want to know of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) action: Option<Action>,
    pub(crate) error: Option<ApiError>,
    pub(crate) account: Option<String>,
    pub(crate) caller: Option<Principal>,
    pub(crate) rows: usize,
    /// Why an answer has no rows.
    pub(crate) empty: Option<String>,
}

/// What is left to do once a call was judged.
enum Judged {
    Metric(Plan),
    Done(wire::DoneResponse),
    Ram(Authorized<RamCall>),
    Credentials(assume_role::Grant),
    Caller(get_caller_identity::CallerIdentity),
}

impl Judged {
    /// Whether what is left changes something.
    const fn changes(&self) -> bool {
        match self {
            Self::Ram(_) | Self::Credentials(_) => true,
            Self::Metric(_) | Self::Done(_) | Self::Caller(_) => false,
        }
    }
}

/// What is known of a call so far.
#[derive(Default)]
struct Known {
    action: Option<Action>,
    account: Option<String>,
    caller: Option<Principal>,
    verified: bool,
    /// In a cluster, of a call that was admitted.
    keeping: Option<Keeping>,
}

/// Waits until the nonce of a call is kept, where that takes a while.
async fn kept(keeping: Option<Keeping>) -> Result<(), ApiError> {
    match keeping {
        Some(keeping) => keeping.kept().await,
        None => Ok(()),
    }
}

/// Answers a call.
pub(crate) async fn handle(app: &Arc<App>, call: Call<'_>) -> Outcome {
    let mut known = Known::default();
    let (format, judged) = judge(app, &call, &mut known);
    let keeping = known.keeping.take();
    let answered = match judged {
        Ok((action, judged)) if judged.changes() => match kept(keeping).await {
            Ok(()) => finish(app, &call, format, action, judged).await,
            Err(error) => Err(error),
        },
        // Looked up meanwhile.
        Ok((action, judged)) => {
            let answered = finish(app, &call, format, action, judged).await;
            kept(keeping).await.and(answered)
        }
        Err(error) => kept(keeping).await.and(Err(error)),
    };
    let product = known.action.map(Action::product);
    let (finished, error) = match answered {
        Ok(finished) => (finished, None),
        Err(error) => {
            let error = with_diagnosis(app, &known, error);
            let answer = Answer::vendor_error(format, &error, call.host, call.ids, product);
            (Finished::without_rows(answer), Some(error))
        }
    };
    Outcome {
        answer: finished.answer,
        action: known.action,
        error,
        account: known.account,
        caller: known.caller,
        rows: finished.rows,
        empty: finished.empty,
    }
}

/// Seals what administrators may learn of a denial into its answer.
fn with_diagnosis(app: &App, known: &Known, error: ApiError) -> ApiError {
    let Some(caller) = &known.caller else {
        return error;
    };
    error.with_sealed_diagnosis(|detail| {
        diagnosis::seal(
            app.directory.message_sealer(),
            app.entropy.as_ref(),
            &app.directory.snapshot(),
            caller,
            detail,
        )
    })
}

/// An answer with what is logged of its rows.
struct Finished {
    answer: Answer,
    rows: usize,
    empty: Option<String>,
}

impl Finished {
    fn without_rows(answer: Answer) -> Self {
        Self {
            answer,
            rows: 0,
            empty: None,
        }
    }
}

/// Does what is left, and counts the rows of the answer.
async fn finish(
    app: &Arc<App>,
    call: &Call<'_>,
    format: ResponseFormat,
    action: Action,
    judged: Judged,
) -> Result<Finished, ApiError> {
    let answer = match judged {
        Judged::Metric(plan) => {
            let (plan, rows) = run(app, plan).await?;
            let document = wire::MetricResponse {
                request_id: call.ids.request,
                granularity: plan.query().granularity(),
                windows: plan.query().windows(),
                numbers: plan.numbers(),
                rows: &rows,
            };
            return Ok(Finished {
                answer: success(format, action, &document, call.ids),
                rows: rows.len(),
                empty: rows
                    .is_empty()
                    .then(|| metric::why_empty(&plan, app.store.as_ref())),
            });
        }
        Judged::Done(document) => success(format, action, &document, call.ids),
        Judged::Ram(authorized) => {
            let body = ram::run(app, authorized).await?;
            success(format, action, &body, call.ids)
        }
        Judged::Credentials(grant) => {
            let body = durably(app, app.clock.now(), move |app| {
                grant.credentials(app.directory.message_sealer(), app.entropy.as_ref())
            });
            let body = body.await?;
            success(format, action, &body, call.ids)
        }
        Judged::Caller(body) => success(format, action, &body, call.ids),
    };
    Ok(Finished::without_rows(answer))
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
    let keys = Keys::new(&snapshot, app.directory.message_sealer()).with(call.own_key);
    let verified = app.verifier.verify(parsed, &Actions, &keys, now_ms)?;
    let action = *verified.operation();
    known.verified = true;
    known.action = Some(action);
    known.account = Some(verified.account().as_str().to_owned());
    known.caller = Some(verified.principal().clone());
    let product = action.product();
    if !verified.access_key_id().is_session() && call.own_key.is_none() {
        app.directory
            .note_key_use(verified.access_key_id(), product.name(), EpochMs(now_ms));
    }

    let account = snapshot
        .account(verified.account())
        .ok_or(ApiError::InternalError)?;
    let calls_per_second = action.calls_per_second(account.calls_per_second);
    let at = CallTime {
        now_ms,
        monotonic_ns: app.clock.monotonic_ns(),
    };
    let admitted = match &app.peers {
        None => app.admission.admit(verified, calls_per_second, at),
        Some(peers) => admit_elsewhere(verified, calls_per_second, |asked| {
            let (nonce, keeping) = peers.decide(account.key, asked)?;
            known.keeping = Some(keeping);
            Ok(nonce)
        }),
    };
    let admitted = admitted.map_err(|error| in_words_of(product, error, None))?;
    // In a cluster the servers keep it.
    if app.peers.is_none() {
        app.nonce_log.append(admitted.nonce());
    }
    if needs_subscription(product) && !account.subscribed {
        return Err(ApiError::ProductUnsubscribed);
    }
    // "All resources", written out: a policy that says `*` and one that says
    // `acs:cams:*:*:*` must both match, above all when they deny.
    let everything = || (format!("acs:cams:*:{}:*", account.id.as_str()), None);
    let judged = match action {
        Action::GetChatappPhoneNumberMetric => {
            let request = authorize_by_ram(admitted, action, everything(), now_ms)?;
            let store = app.store.as_ref();
            Judged::Metric(metric::plan(
                &request,
                &snapshot,
                store,
                &app.settings.limits,
            )?)
        }
        Action::EnableWhatsappRoiMetric => {
            let request = authorize_by_ram(admitted, action, everything(), now_ms)?;
            Judged::Done(enable_whatsapp_roi_metric(
                &request,
                &snapshot,
                call.ids.request,
            )?)
        }
        Action::Sts(StsAction::GetCallerIdentity) => {
            let request = open_to_all(admitted)?;
            let ids = call.ids.request;
            Judged::Caller(get_caller_identity::get_caller_identity(request, ids))
        }
        Action::Sts(StsAction::AssumeRole) => {
            admitted.params().check_unique()?;
            let role = assume_role::role_of(&admitted)?;
            let request = authorize_by_ram(admitted, action, (role.to_string(), None), now_ms)?;
            let (ids, now) = (call.ids.request, EpochMs(now_ms));
            Judged::Credentials(assume_role::judge(&request, role, &snapshot, ids, now)?)
        }
        Action::Ram(operation) => {
            // Before any parameter is read, as for every other operation.
            admitted.params().check_unique()?;
            let prepared = operation.prepare(&Input {
                params: admitted.params(),
                principal: admitted.principal(),
                account: admitted.account(),
            })?;
            let needed = prepared.arns(admitted.account());
            let request = authorize_by_ram(admitted, action, needed, now_ms)?;
            Judged::Ram(request.try_map(|admitted| {
                let (snapshot, now) = (Arc::clone(&snapshot), EpochMs(now_ms));
                RamCall::new(prepared, &admitted, snapshot, call.ids.request, now)
            })?)
        }
    };
    Ok((action, judged))
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
async fn run(app: &Arc<App>, plan: Plan) -> Result<(Plan, Vec<Row>), ApiError> {
    // Of other nodes nothing is here at once.
    if plan.is_small() && app.peers.is_none() {
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
