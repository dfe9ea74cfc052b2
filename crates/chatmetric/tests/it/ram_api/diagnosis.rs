//! Diagnoses of denials; `sts` has what they say.

use super::Ram;
use crate::world::World;

pub(super) const OPERATIONS: &[&str] = &["DecodeDiagnosticMessage"];

#[test]
fn denials_are_explained_and_noise_is_refused_as_declared() {
    let world = World::start();
    let ram = Ram::new(&world);
    let denied = world.metric("denied", &[("Start", "1"), ("End", "2")]);
    let message = denied.detail_member("EncodedDiagnosticMessage");
    let message = message.expect("a message");
    let operation = "DecodeDiagnosticMessage";
    let told = ram.ok(operation, &[("EncodedDiagnosticMessage", &message)]);
    let told = &told["DecodedDiagnosticMessage"];
    assert_eq!(told["ExplicitDeny"], true);
    assert_eq!(told["MatchedPolicies"][1]["PolicyIdentifier"], "NoMetrics");
    let noise = [("EncodedDiagnosticMessage", &message[4..])];
    let code = "InvalidParameter.EncodedDiagnosticMessage";
    ram.refused(400, code, operation, &noise);
    ram.assert_complete(OPERATIONS);
}
