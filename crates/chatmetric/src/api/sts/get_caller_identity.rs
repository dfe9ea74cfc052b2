//! GetCallerIdentity: who the caller is. Every verified caller may ask.

use super::arn_of;
use crate::api::call::Admitted;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product, Scalar};
use crate::directory::Principal;
use chatmetric_rpc::credential::AccountId;
use chatmetric_rpc::ram::Authorized;
use chatmetric_rpc::response::{Document, FieldWriter, RequestId};

/// The operation.
pub(in crate::api) const SPEC: OperationSpec = OperationSpec {
    product: Product::Sts,
    name: "GetCallerIdentity",
    title: "Show who the caller is",
    description: "The account, user or role session that signed the call. No policy can refuse it.",
    access: Access::Get,
    ram_action: None,
    calls_per_second: 100,
    parameters: &[],
    answer: &[
        FieldSpec::value(
            "IdentityType",
            Scalar::Text,
            "Account, RAMUser or AssumedRoleUser.",
            "RAMUser",
        ),
        FieldSpec::value(
            "RequestId",
            Scalar::Text,
            "The id of the request, an upper-case UUID.",
            "3C87BF47-3724-4443-ADC1-5AEAD9A03EB1",
        ),
        FieldSpec::value(
            "AccountId",
            Scalar::Text,
            "The account of the caller.",
            "1000000000000001",
        ),
        FieldSpec::value(
            "PrincipalId",
            Scalar::Text,
            "The id of the account or user; of a role session the role's id and the session's \
             name, with a colon in between.",
            "200000000000000001",
        ),
        FieldSpec::value(
            "UserId",
            Scalar::Text,
            "The id of the account or user; absent for a role session.",
            "200000000000000001",
        ),
        FieldSpec::value(
            "Arn",
            Scalar::Text,
            "The name of the caller.",
            "acs:ram::1000000000000001:user/alice",
        ),
        FieldSpec::value(
            "RoleId",
            Scalar::Text,
            "The id of the role; only for a role session.",
            "300000000000000001",
        ),
    ],
    errors: &[],
};

/// The body of the answer.
#[derive(Debug)]
pub(in crate::api) struct CallerIdentity {
    request_id: RequestId,
    account: AccountId,
    principal: Principal,
}

/// Answers the call.
pub(in crate::api) fn get_caller_identity(
    request: Authorized<Admitted>,
    request_id: RequestId,
) -> CallerIdentity {
    let request = request.get();
    CallerIdentity {
        request_id,
        account: request.account().clone(),
        principal: request.principal().clone(),
    }
}

impl Document for CallerIdentity {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        let kind = match &self.principal {
            Principal::Owner => "Account",
            Principal::User(_) => "RAMUser",
            Principal::Session(_) => "AssumedRoleUser",
        };
        writer.text("IdentityType", kind);
        writer.text("RequestId", &self.request_id.to_string());
        writer.text("AccountId", self.account.as_str());
        match &self.principal {
            Principal::Owner => {
                writer.text("PrincipalId", self.account.as_str());
                writer.text("UserId", self.account.as_str());
            }
            Principal::User(user) => {
                writer.text("PrincipalId", user.id.as_str());
                writer.text("UserId", user.id.as_str());
            }
            Principal::Session(session) => {
                let id = format!("{}:{}", session.role.id, session.name);
                writer.text("PrincipalId", &id);
            }
        }
        writer.text("Arn", &arn_of(&self.account, &self.principal));
        if let Principal::Session(session) = &self.principal {
            writer.text("RoleId", session.role.id.as_str());
        }
    }
}
