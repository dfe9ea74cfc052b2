//! EnableWhatsappROIMetric: scripts call it before they query. Statistics are
//! always on here, so it checks the caller's space and changes nothing.

use crate::api::call::{Admitted, caller};
use crate::api::get_chatapp_phone_number_metric::{CUST_SPACE_ID, DECLARED_ERRORS, ISV_CODE};
use crate::api::spec::{Access, OperationSpec, Product};
use crate::api::{tenancy, wire};
use crate::directory::Snapshot;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::ram::Authorized;
use chatmetric_rpc::response::RequestId;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Cams,
    name: "EnableWhatsappROIMetric",
    title: "Turn statistics on",
    description: "Scripts call it before they ask for statistics. Counting is always on here, so \
                  it checks the caller's right to the space and changes nothing.",
    access: Access::Get,
    ram_action: Some("cams:EnableWhatsappROIMetric"),
    calls_per_second: 5,
    parameters: &[ISV_CODE, CUST_SPACE_ID],
    answer: &wire::DONE_FIELDS,
    errors: &DECLARED_ERRORS,
};

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
