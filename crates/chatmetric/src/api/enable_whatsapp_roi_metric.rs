//! EnableWhatsappROIMetric: scripts call it before they query. Statistics are
//! always on here, so it checks the caller's space and changes nothing.

use crate::api::call::{Admitted, caller};
use crate::api::{tenancy, wire};
use crate::directory::Snapshot;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::ram::Authorized;
use chatmetric_rpc::response::RequestId;

/// Answers the call.
///
/// # Errors
/// What tenancy says of IsvCode and CustSpaceId.
pub(super) fn enable_whatsapp_roi_metric(
    request: &Authorized<Admitted>,
    snapshot: &Snapshot,
    request_id: RequestId,
) -> Result<wire::DoneResponse, ApiError> {
    let request = request.get();
    let caller = caller(snapshot, request)?;
    tenancy::space(snapshot, caller, wire::asked(request.params()))?;
    Ok(wire::DoneResponse { request_id })
}
