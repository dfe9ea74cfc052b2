"""The names and credentials in `compat/directory.toml`, the document that all
suites apply. All secrets are invented and valid nowhere.
"""

import pathlib

ACME = "1000000000000001"
CUSTOMER = "2000000000000002"
LAPSED = "3000000000000003"
BUSY = "4000000000000004"
STRANGER = "5000000000000005"

OWNER = ("LTAIacmeowner0000000001", "acme-owner-secret")
INACTIVE = ("LTAIacmeowner0000000002", "acme-inactive-secret")
READER = ("LTAIacmereader000000001", "acme-reader-secret")
NOBODY = ("LTAIacmenobody000000001", "acme-nobody-secret")
DENIED = ("LTAIacmedenied000000001", "acme-denied-secret")
ASSUMER = ("LTAIacmeassumer00000001", "acme-assumer-secret")
GROUPED = ("LTAIacmegrouped00000001", "acme-grouped-secret")
CUSTOMER_OWNER = ("LTAIcustomerowner000001", "customer-owner-secret")
CUSTOMER_USER = ("LTAIcustomeruser0000001", "customer-user-secret")
CUSTOMER_OTHER = ("LTAIcustomerother000001", "customer-other-secret")
LAPSED_OWNER = ("LTAIlapsedowner00000001", "lapsed-owner-secret")
BUSY_OWNER = ("LTAIbusyowner0000000001", "busy-owner-secret")
SINGLE_OWNER = ("LTAIsingleowner00000001", "single-owner-secret")
STRANGER_OWNER = ("LTAIstrangerowner000001", "stranger-owner-secret")
UNKNOWN = ("LTAInobodyhasthiskey001", "no-secret")

REPORTER = f"acs:ram::{ACME}:role/reporter"

SPACE = "293483938849493"
SPACE_SINGAPORE = "293483938849494"
SPACE_CUSTOMER = "293483938849495"
SPACE_WITHHELD = "293483938849496"

ISV_CODE = "skdi3kksloslikdkkdk"
ISV_CODE_ONE_USER = "isvcodeofoneuser001"

NUMBERS = ["15550100101", "15550100102", "447700900103"]
NUMBERS_SINGAPORE = ["6590000201", "6590000202"]
NUMBER_CUSTOMER = "15550100301"
NUMBER_STRANGER = "15550100501"
QUIET = "15550100199"

APP_SECRET = "acme-app-secret"
APP_SECRET_OLD = "acme-app-secret-before"
CALLS_PER_SECOND = 3

DOCUMENT = (pathlib.Path(__file__).resolve().parents[1] / "directory.toml").read_text(encoding="utf-8")
